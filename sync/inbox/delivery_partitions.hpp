#pragma once

#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Housekeeping of membridge.deliveries, whose partitions `deliveries_YYYYMMDD` hold one UTC day each. Every function may run in
/// any number of processes at once, takes transactions of its own and throws postgres::SqlFailure. None of them takes a lock that
/// makes a delivery wait; for other locks they wait two seconds, and then throw (transient): try again at the next round.

/// Makes the missing partitions of `first` and the `days_ahead` days after it. Returns the names of those made. PostgreSQL
/// refuses the deliveries of a day without a partition: call this when a process starts, at least daily, and when a delivery was
/// refused for it.
std::vector<std::string> EnsurePartitions(postgres::Session& session, Day first, int days_ahead);

/// Drops the partitions of days before `first_kept` whose deliveries are all folded. Returns the partitions' names. Waits for all
/// transactions that read deliveries when it begins, so the session should have no statement_timeout.
std::vector<std::string> DropPartitionsBefore(postgres::Session& session, Day first_kept);

/// Makes the index by memory for the days before `today`; a day that still grows has none. Returns the names of the new indexes.
std::vector<std::string> IndexPastDays(postgres::Session& session, Day today);

}  // namespace membridge::sync
