#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/catch.hpp"

namespace membridge::test {

/// A file of the test's own, gone with the object.
class TextFile {
 public:
  TextFile(const std::string& name, const std::string& text) {
    std::string folder = std::filesystem::temp_directory_path() / "membridge-admin-XXXXXX";
    REQUIRE(mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    path_ = folder_ / name;
    std::ofstream{path_} << text;
  }
  ~TextFile() { std::filesystem::remove_all(folder_); }
  std::string path() const { return path_; }

 private:
  std::filesystem::path folder_;
  std::filesystem::path path_;
};

}  // namespace membridge::test
