#include "tests/mappings/support.hpp"

#include <stdexcept>

#include "tests/support/catch.hpp"

namespace membridge::mappings::test {

std::vector<std::string> ProblemsOf(const std::string& yaml, const std::map<std::string, std::string>& vars) {
  Diagnostics problems;
  const auto mapping = LoadMapping("crm.yaml", yaml, vars, problems);
  CHECK(mapping.has_value() == !problems.HasErrors());
  std::vector<std::string> texts;
  for (const Diagnostic& one : problems.Sorted()) texts.push_back(one.Text());
  return texts;
}

Mapping Loaded(const std::string& yaml, const std::map<std::string, std::string>& vars) {
  Diagnostics problems;
  auto mapping = LoadMapping("crm.yaml", yaml, vars, problems);
  for (const Diagnostic& one : problems.Sorted()) UNSCOPED_INFO(one.Text());
  REQUIRE(mapping);
  return std::move(*mapping);
}

Mapping Example(const std::string& name) {
  Diagnostics problems;
  auto mapping = LoadMappingFile(std::string{MEMBRIDGE_MAPPING_TESTS} + "/examples/" + name + ".yaml", {}, problems);
  for (const Diagnostic& one : problems.Sorted()) UNSCOPED_INFO(one.Text());
  REQUIRE(mapping);
  return std::move(*mapping);
}

nlohmann::json WithMetadata(nlohmann::json data) {
  const auto memory = data.find("memory");
  if (memory != data.end() && memory->is_object() && !memory->contains("metadata"))
    (*memory)["metadata"] = nlohmann::json(*memory);
  return data;
}

Value Evaluated(const std::string& expression, const nlohmann::json& given, const std::string& maps) {
  const nlohmann::json data = WithMetadata(given);
  std::string quoted;
  for (const char c : expression) quoted += c == '\'' ? std::string{"''"} : std::string{c};
  const Mapping mapping = Loaded("maps: {" + maps + "}\nrows:\n  one:\n    table: t\n    set:\n      cell: '$" + quoted + "'\n");
  Scope scope;
  for (const auto& [name, value] : data.items()) scope.Set(name, &value);
  return std::get<Expression>(mapping.rows[0].set[0].value).Evaluate(scope);
}

const Row& RowOf(const Mapping& mapping, const std::string& name) {
  for (const Row& row : mapping.rows) {
    if (row.name == name) return row;
  }
  throw std::invalid_argument("no row " + name);
}

nlohmann::json AsJson(const std::vector<CellValue>& values) {
  nlohmann::json object = nlohmann::json::object();
  for (const CellValue& value : values) object[value.to->cell.name] = value.value;
  return object;
}

}  // namespace membridge::mappings::test
