#include "admin/runtime/source_check.hpp"

#include <fmt/format.h>

#include "admin/runtime/mem0_clients.hpp"
#include "sync/postgres/session.hpp"
#include "sync/source/table_records.hpp"

namespace membridge::admin {

using nlohmann::ordered_json;
using sync::source::SourceLook;
using sync::source::TableName;

namespace {

const char* ModeOf(const SourceLook& look) {
  return look.IsLive() ? "live" : sync::source::Unreadable(look, {}) ? "away" : "polling";
}

}  // namespace

std::string SourceInWords(const ProjectConfig& project, const SourceLook& look) {
  const TableName table = TableOf(*project.source);
  if (const auto error = sync::source::Unreadable(look, table)) return error->message + "; " + error->hint;
  if (look.IsLive())
    return fmt::format("{}: changes are noted as they happen, and read from membridge_source.log", table.Written());
  if (!look.obstacle.empty())
    return fmt::format("{} cannot have a change log, so changes are found by polling: {}", table.Written(), look.obstacle);
  return fmt::format("{} has no working change log ({} of 4 triggers are on), so changes are found by polling; {}",
                     table.Written(), look.triggers,
                     look.lacking.empty()
                         ? std::string{"run membridge source install"}
                         : fmt::format("the role {} lacks {} for installing it", look.role, fmt::join(look.lacking, ", ")));
}

ordered_json ViewOf(const ProjectConfig& project, const SourceLook& look) {
  return {{"project", project.id.Text()},
          {"table", project.source->table},
          {"mode", ModeOf(look)},
          {"triggers", look.triggers},
          {"role", look.role},
          {"lacking", look.lacking},
          {"message", SourceInWords(project, look)}};
}

ordered_json CheckSource(const ProjectConfig& project) {
  const TableName table = TableOf(*project.source);
  try {
    sync::postgres::Session session{project.source->dsn, "membridge source"};
    const SourceLook look = LookAtSource(session, table);
    ordered_json view = ViewOf(project, look);
    view["entries"] = look.entries;
    view["install_sql"] = view["mode"] == "polling" && look.obstacle.empty()
                              ? ordered_json(sync::source::InstallSql(table, look.role))
                              : ordered_json();
    return view;
  } catch (const sync::postgres::SqlFailure& failure) {
    const Error error = sync::source::SourceError(failure, table);
    ordered_json view = ViewOf(project, {});
    view["message"] = error.hint.empty() ? error.message : error.message + "; " + error.hint;
    view["entries"] = 0;
    view["install_sql"] = nullptr;
    return view;
  }
}

}  // namespace membridge::admin
