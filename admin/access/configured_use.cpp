#include "admin/access/configured_use.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::admin {

void ConfiguredUse::Note(sync::postgres::Session& session, const std::string& name) {
  {
    const auto now = std::chrono::steady_clock::now();
    const std::lock_guard lock{mutex_};
    const auto [noted, is_first] = noted_.try_emplace(name, now);
    if (!is_first && now - noted->second < std::chrono::minutes{1}) return;
    noted->second = now;
  }
  try {
    session.Run(
        "INSERT INTO membridge.configured_tokens (name, last_used) VALUES ($1, statement_timestamp()) "
        "ON CONFLICT (name) DO UPDATE SET last_used = excluded.last_used",
        {name});
  } catch (const sync::postgres::SqlFailure&) {
    // The database is away or read-only; the call itself will report that.
  }
}

std::map<std::string, Instant> ConfiguredUse::List(sync::postgres::Transaction& transaction) {
  const auto rows = transaction.Run("SELECT name, last_used FROM membridge.configured_tokens");
  std::map<std::string, Instant> used;
  for (std::size_t row = 0; row < rows.size(); ++row) used[std::string{rows.Text(row, 0)}] = sync::postgres::TimeAt(rows, row, 1);
  return used;
}

}  // namespace membridge::admin
