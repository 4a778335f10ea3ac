#pragma once

#include <string>
#include <vector>

#include "sync/feed/endpoint.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// An entry `c` as it is posted.
inline constexpr const char* kPostedEntry =
    "jsonb_build_object('id', c.id, 'seq', c.seq, 'at', c.at, 'project', c.project, 'mapping', c.mapping, 'relation', c.relation,"
    " 'key', c.key, 'op', c.op, 'cells', c.cells)::text";

/// Whether the position of feed `f` has passed the entry `c`; in a window under way, what is up to `last_seq`.
inline constexpr const char* kPassed =
    "(pg_visible_in_snapshot(c.xid, f.done)"
    " OR f.upto IS NOT NULL AND pg_visible_in_snapshot(c.xid, f.upto) AND c.seq <= f.last_seq)";

/// Which entries `c` an endpoint's filter wants, as the end of a WHERE: parameters $2 to $4.
inline constexpr const char* kWanted =
    " AND ($2::text[] = '{}' OR c.relation = ANY ($2::text[])) AND ($3::text[] = '{}' OR c.mapping = ANY ($3::text[]))"
    " AND ($4::text[] = '{}' OR c.op = ANY ($4::text[]))";

/// The name of the feed and its filter, as $1 to $4.
inline std::vector<postgres::Param> NameAndFilter(const Endpoint& endpoint) {
  std::vector<postgres::Param> params{endpoint.name};
  for (const auto* list : {&endpoint.filter.tables, &endpoint.filter.mappings, &endpoint.filter.ops})
    params.push_back(postgres::ArrayOf({list->begin(), list->end()}));
  return params;
}

}  // namespace membridge::sync
