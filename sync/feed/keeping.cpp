#include "sync/feed/keeping.hpp"

namespace membridge::sync {

bool HasChanges(postgres::Session& session) {
  return session.Run("SELECT pg_catalog.to_regclass('membridge.changes') IS NOT NULL").Bool(0, 0);
}

std::size_t ForgetChanges(postgres::Session& session, std::chrono::seconds keep, std::size_t at_once) {
  return session
      .Run(
          "DELETE FROM membridge.changes WHERE seq IN (SELECT o.seq FROM (SELECT seq, at FROM membridge.changes ORDER BY seq "
          "LIMIT "
          "$1::bigint) AS o WHERE o.at < clock_timestamp() - make_interval(secs => $2::float8))",
          {std::to_string(at_once), std::to_string(keep.count())})
      .Affected();
}

bool EnsurePublication(postgres::Session& session, const std::string& name) {
  const postgres::Rows known = session.Run(
      "SELECT EXISTS (SELECT FROM pg_publication_tables WHERE pubname = $1 AND schemaname = 'membridge' AND tablename = "
      "'changes'), "
      "EXISTS (SELECT FROM pg_publication WHERE pubname = $1)",
      {name});
  if (known.Bool(0, 0)) return false;
  const std::string publication = postgres::QuoteName(name);
  session.Run(known.Bool(0, 1) ? "ALTER PUBLICATION " + publication + " ADD TABLE membridge.changes"
                               : "CREATE PUBLICATION " + publication + " FOR TABLE membridge.changes WITH (publish = 'insert')");
  return true;
}

}  // namespace membridge::sync
