#include "mappings/files/row_order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "mappings/files/value_reader.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {
namespace {

/// The rows that one row uses, each with the first place where it does.
using Uses = std::map<std::size_t, Place>;

void ForEachValue(const Row& row, const std::function<void(const Expression&)>& visit) {
  for (const Expression& condition : row.when) visit(condition);
  if (row.each) visit(*row.each);
  const auto visit_all = [&](const std::vector<Assignment>& assignments) {
    for (const Assignment& assignment : assignments) ForEachExpression(assignment.value, visit);
  };
  for (const Key& key : row.keys) visit_all(key.parts);
  visit_all(row.fresh);
  visit_all(row.set);
  visit_all(row.touch);
  visit_all(row.add);
}

std::vector<Uses> FindUses(const std::vector<Row>& rows) {
  std::map<std::string, std::size_t> index;
  for (std::size_t i = 0; i < rows.size(); ++i) index.emplace(rows[i].name, i);
  std::vector<Uses> uses(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    ForEachValue(rows[i], [&](const Expression& expression) {
      ForEachPath(expression, [&](const Path& path) {
        if (const auto found = index.find(path.name); found != index.end() && found->second != i)
          uses[i].emplace(found->second, path.place);
      });
    });
  }
  return uses;
}

/// Returns the row and its ancestors; the row comes first.
std::vector<std::size_t> Lineage(const std::vector<Row>& rows, std::size_t row) {
  std::vector<std::size_t> lineage;
  for (std::optional<std::size_t> at = row; at; at = rows[*at].parent) lineage.push_back(*at);
  return lineage;
}

/// Reports uses of a row below an `each` by rows outside it. Such a row exists once per element, and only rows below the same
/// `each` have a current element.
void RefuseUsesFromOutside(const std::vector<Row>& rows, const std::vector<Uses>& uses, Diagnostics& problems) {
  for (std::size_t user = 0; user < rows.size(); ++user) {
    const std::vector<std::size_t> around = Lineage(rows, user);
    for (const auto& [used, place] : uses[user]) {
      for (const std::size_t level : Lineage(rows, used)) {
        if (!rows[level].each || std::find(around.begin(), around.end(), level) != around.end()) continue;
        problems.Error(place, fmt::format("row \"{}\" exists once per element of \"each\"; nest \"{}\" below \"{}\" to use it",
                                          rows[used].name, rows[user].name, rows[level].name));
        break;
      }
    }
  }
}

/// Returns the rows of one circle; each needs the next. `stuck` holds rows that wait for each other.
std::vector<std::size_t> FindCircle(const std::vector<std::set<std::size_t>>& needs, const std::set<std::size_t>& stuck) {
  std::vector<std::size_t> way{*stuck.begin()};
  for (;;) {
    const auto next =
        std::find_if(needs[way.back()].begin(), needs[way.back()].end(), [&](std::size_t row) { return stuck.count(row) > 0; });
    const auto seen = std::find(way.begin(), way.end(), *next);
    if (seen != way.end()) return {seen, way.end()};
    way.push_back(*next);
  }
}

}  // namespace

std::vector<Row> InOrder(std::vector<Row> rows, Diagnostics& problems) {
  const std::vector<Uses> uses = FindUses(rows);
  RefuseUsesFromOutside(rows, uses, problems);
  std::vector<std::set<std::size_t>> needs(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].parent) needs[i].insert(*rows[i].parent);
    for (const auto& [used, place] : uses[i]) {
      needs[i].insert(used);
      rows[used].referenced = true;
    }
    for (const auto* assignments : {&rows[i].fresh, &rows[i].set, &rows[i].touch}) {
      for (const Assignment& assignment : *assignments) rows[i].referenced = rows[i].referenced || assignment.uses_row;
    }
  }

  std::vector<std::size_t> order;
  std::set<std::size_t> waiting;
  for (std::size_t i = 0; i < rows.size(); ++i) waiting.insert(i);
  while (!waiting.empty()) {
    const auto ready = std::find_if(waiting.begin(), waiting.end(), [&](std::size_t row) {
      return std::none_of(needs[row].begin(), needs[row].end(), [&](std::size_t needed) { return waiting.count(needed) > 0; });
    });
    if (ready == waiting.end()) {
      std::string names;
      const std::vector<std::size_t> circle = FindCircle(needs, waiting);
      for (const std::size_t row : circle) names += rows[row].name + " → ";
      problems.Error(rows[circle.front()].place,
                     fmt::format("rows need each other in a circle: {}{}", names, rows[circle.front()].name));
      return rows;
    }
    order.push_back(*ready);
    waiting.erase(ready);
  }

  std::vector<std::size_t> position(rows.size());
  for (std::size_t i = 0; i < order.size(); ++i) position[order[i]] = i;
  std::vector<Row> sorted;
  for (const std::size_t row : order) {
    sorted.push_back(std::move(rows[row]));
    if (sorted.back().parent) sorted.back().parent = position[*sorted.back().parent];
  }
  return sorted;
}

}  // namespace membridge::mappings
