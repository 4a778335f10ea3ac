#include <fstream>
#include <iterator>

#include "mappings/language/functions.hpp"
#include "tests/support/catch.hpp"

// The language reference and the code say the same.
namespace membridge::mappings {

TEST_CASE("the reference lists the functions as the code does", "[reference]") {
  std::ifstream file{MEMBRIDGE_MAPPING_TESTS "/../../mappings/README.md"};
  const std::string readme{std::istreambuf_iterator<char>{file}, {}};
  const std::string begin = "<!-- the functions: begin -->\n";
  const std::size_t start = readme.find(begin);
  const std::size_t end = readme.find("<!-- the functions: end -->");
  REQUIRE(start != std::string::npos);
  REQUIRE(end != std::string::npos);
  CHECK(readme.substr(start + begin.size(), end - start - begin.size()) == FunctionTable());
}

}  // namespace membridge::mappings
