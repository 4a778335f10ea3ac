#include "sync/backfill/export_cursor.hpp"

#include <array>
#include <utility>

namespace membridge::sync {
namespace {

using nlohmann::json;
using ExportPhase = ExportCursor::Phase;

constexpr std::array<std::pair<ExportPhase, const char*>, 4> kExportPhases{{{ExportPhase::kListing, "list"},
                                                                            {ExportPhase::kExporting, "export"},
                                                                            {ExportPhase::kWithdrawing, "withdraw"},
                                                                            {ExportPhase::kOver, "over"}}};

}  // namespace

json ExportCursor::AsJson() const {
  json object{{"page", page},           {"list", list.AsJson()}, {"first_page", first_page},
              {"last_page", last_page}, {"whole", whole},        {"note", note}};
  for (const auto& [one, name] : kExportPhases) {
    if (one == phase) object["phase"] = name;
  }
  return object;
}

ExportCursor ExportCursor::FromJson(const json& object) {
  ExportCursor cursor;
  for (const auto& [one, name] : kExportPhases) {
    if (object.value("phase", std::string{}) == name) cursor.phase = one;
  }
  cursor.page = object.value("page", 1);
  cursor.list = ListWatch::FromJson(object.value("list", json()));
  cursor.first_page = object.value("first_page", std::string{});
  cursor.last_page = object.value("last_page", std::string{});
  cursor.whole = object.value("whole", false);
  cursor.note = object.value("note", std::string{});
  return cursor;
}

}  // namespace membridge::sync
