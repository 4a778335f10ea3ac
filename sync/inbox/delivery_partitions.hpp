#pragma once

#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Housekeeping of membridge.deliveries, whose partitions `deliveries_YYYYMMDD` hold one UTC day each. Both functions may run in
/// any number of processes at once: an advisory transaction lock lets one at a time through. They wait two seconds for tables
/// others use, so that nobody queues behind them for long, and then throw SqlFailure (transient): roll back and try at the next
/// round.

/// Makes the partitions of today and the `days_ahead` after it, and moves deliveries that came while their day had none out of
/// the default partition. Returns the names of those made. Call it when a process starts and at least daily: while a partition is
/// made for a day whose deliveries still arrive in the default one, an INSERT may fail with 23514, and works when tried again.
std::vector<std::string> EnsurePartitions(postgres::Transaction& transaction, Day today, int days_ahead);

/// Drops the partitions of days before `first_kept`, and such deliveries in the default partition. Returns the partitions' names.
std::vector<std::string> DropPartitionsBefore(postgres::Transaction& transaction, Day first_kept);

}  // namespace membridge::sync
