#pragma once

#include <string_view>
#include <vector>

namespace membridge::admin {

/// One file of admin/page/files, as it was when the binary was built.
struct PageFile {
  std::string_view path;  ///< below admin/page/files: "views/parked.js"
  std::string_view content_type;
  std::string_view bytes;
};

/// Returns all files of the page. They live as long as the process.
const std::vector<PageFile>& PageFiles();

}  // namespace membridge::admin
