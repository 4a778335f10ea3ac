#pragma once

#include <string_view>
#include <vector>

namespace membridge::admin {

/// One file of the page as it stood in admin/page/files when the binary was built.
struct PageFile {
  std::string_view path;  ///< below admin/page/files: "views/parked.js"
  std::string_view content_type;
  std::string_view bytes;
};

/// All of them. They live as long as the process.
const std::vector<PageFile>& PageFiles();

}  // namespace membridge::admin
