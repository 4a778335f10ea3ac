#include "sync/apply/claims.hpp"

#include "mappings/base/exact_json.hpp"
#include "mappings/language/functions.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/table_reader.hpp"

namespace membridge::sync {
namespace {

using mappings::Cell;
using mappings::CellValue;
using nlohmann::json;

/// Values inside json have no column type, so they stay as they are.
bool HasNoType(const TargetTable& table, const Cell& cell) {
  return !cell.path.empty() || !cell.delimiter.empty() ||
         (cell.kind == Cell::Kind::kElements && table.At(table.IndexOf(cell.column).value()).IsJson());
}

/// Returns the elements as text, without empty ones, as a delimited text holds them.
json DelimitedElements(const Cell& cell, const json& value) {
  JoinedElements(cell, value);  // refuses an element that holds the delimiter
  json elements = json::array();
  for (const json& element : value) {
    std::string text = mappings::TextOf(element).value_or(mappings::ExactText(element));
    if (!text.empty()) elements.push_back(std::move(text));
  }
  return elements;
}

/// Collects the values of a batch of claims and converts them by their columns' types.
class Reading {
 public:
  explicit Reading(const TargetTable& table) : table_(table) {}

  void Add(Contribution& contribution, const CellValue& claim) {
    const Cell& cell = claim.to->cell;
    Claimed& claimed = contribution.cells[cell.name];
    claimed.force = claim.to->force;
    if (cell.kind != Cell::Kind::kGroup) return AddOne(claimed, claim, cell, std::nullopt);
    claimed.value = json(cell.members.size(), json::array());
    for (std::size_t i = 0; i < cell.members.size(); ++i) AddOne(claimed, claim, cell.members[i], i);
  }

  void Read(postgres::Transaction& transaction) {
    const std::vector<Content> normal = TableReader{table_, transaction}.Normalise(values_);
    for (std::size_t i = 0; i < slots_.size(); ++i)
      Put(*slots_[i].claimed, slots_[i].member, slots_[i].elements ? Elements(normal[i]) : normal[i]);
  }

 private:
  /// Where a value goes once it is read; the claims of a contribution stay where they are in its map.
  struct Slot {
    Claimed* claimed;
    std::optional<std::size_t> member;
    bool elements;
  };

  static void Put(Claimed& claimed, std::optional<std::size_t> member, const Content& content) {
    if (member)
      (*claimed.value)[*member] = json::array({content.value_or(nullptr)});
    else
      claimed.value = content;
  }

  static Content Elements(const Content& read) {
    return read && read->is_string() ? mappings::ParseExact(read->get<std::string>()) : json::array();
  }

  void AddOne(Claimed& claimed, const CellValue& claim, const Cell& cell, std::optional<std::size_t> member) {
    json value = MeantFor(table_, cell, claim, member);
    if (!cell.delimiter.empty() && value.is_array()) value = DelimitedElements(cell, value);
    if (HasNoType(table_, cell)) return Put(claimed, member, Content{std::move(value)});
    values_.emplace_back(table_.IndexOf(cell.column).value(), std::move(value));
    slots_.push_back({&claimed, member, cell.kind == Cell::Kind::kElements});
  }

  const TargetTable& table_;
  std::vector<std::pair<std::size_t, json>> values_;
  std::vector<Slot> slots_;  // parallel to values_
};

}  // namespace

json MeantFor(const TargetTable& table, const Cell& cell, const CellValue& value, std::optional<std::size_t> member) {
  // A plain scalar in a whole json column is read by YAML's rules, because the column gives no other type.
  const auto* constant = std::get_if<mappings::Constant>(&value.to->value);
  if (constant != nullptr && cell.kind == Cell::Kind::kColumn && table.At(table.IndexOf(cell.column).value()).IsJson())
    return member ? constant->typed.at(*member) : constant->typed;
  return member ? value.value.at(*member) : value.value;
}

void AddClaims(postgres::Transaction& transaction, const TargetTable& table,
               const std::vector<std::pair<Contribution*, const CellValue*>>& claims) {
  Reading reading{table};
  for (const auto& [contribution, claim] : claims) reading.Add(*contribution, *claim);
  reading.Read(transaction);
}

}  // namespace membridge::sync
