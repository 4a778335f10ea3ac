#include "admin/runtime/ledgers.hpp"

#include <algorithm>

namespace membridge::admin {
namespace {

using sync::LedgerLook;
using sync::postgres::Session;

const char* NameOfStanding(LedgerLook::Standing standing) {
  switch (standing) {
    case LedgerLook::Standing::kOurs:
      return "ours";
    case LedgerLook::Standing::kUnclaimed:
      return "unclaimed";
    case LedgerLook::Standing::kStateOlder:
      return "state_restored";
    case LedgerLook::Standing::kTargetOlder:
      return "target_restored";
    case LedgerLook::Standing::kUnfinished:
      return "taking_over";
    case LedgerLook::Standing::kForeign:
      return "another_state";
  }
  return "ours";
}

TargetStanding LookAtTarget(Session& state, const std::string& target, const std::string& dsn) {
  TargetStanding standing{target, std::nullopt, std::nullopt};
  try {
    Session there{dsn, "membridge ledgers"};
    standing.look = sync::LedgerTie{state, there, target}.Look();
    if (standing.look->standing == LedgerLook::Standing::kForeign) standing.error = sync::ForeignLedger(target, *standing.look);
  } catch (const sync::postgres::SqlFailure& failure) {
    standing.error = failure.AsError("target " + target);
  }
  return standing;
}

bool IsForeign(const TargetStanding& standing) {
  return standing.look && standing.look->standing == LedgerLook::Standing::kForeign;
}

}  // namespace

std::vector<TargetStanding> LookAtLedgers(const Config& config, const Databases& databases) {
  std::vector<TargetStanding> standings;
  try {
    Session state{databases.StateDsn(), "membridge ledgers"};
    for (const TargetConfig& target : config.targets)
      standings.push_back(LookAtTarget(state, target.name, databases.DsnOf(target)));
  } catch (const sync::postgres::SqlFailure& failure) {
    standings.clear();
    for (const TargetConfig& target : config.targets)
      standings.push_back({target.name, std::nullopt, failure.AsError("the state database")});
  }
  return standings;
}

Result<void> MayWriteTo(const Config& config, const Databases& databases, const std::vector<std::string>& targets) {
  for (const TargetStanding& standing : LookAtLedgers(config, databases)) {
    if (!IsForeign(standing) || std::find(targets.begin(), targets.end(), standing.target) == targets.end()) continue;
    return tl::unexpected<Error>(*standing.error);
  }
  return {};
}

std::vector<Precondition> ForeignLedgers(const Config& config, const Databases& databases) {
  std::vector<Precondition> found;
  for (const TargetStanding& standing : LookAtLedgers(config, databases)) {
    if (!IsForeign(standing)) continue;
    found.push_back({"target " + standing.target, config.FindTarget(standing.target)->place, Precondition::State::kMissing,
                     standing.error->message, standing.error->hint});
  }
  return found;
}

nlohmann::ordered_json ViewOf(const TargetStanding& standing) {
  nlohmann::ordered_json view{{"target", standing.target}, {"standing", "unknown"}};
  if (standing.look) {
    const LedgerLook& look = *standing.look;
    view["standing"] = NameOfStanding(look.standing);
    view["ledger"] = look.ledger;
    if (look.owner) view["state"] = *look.owner;
    if (look.taken_at) view["since"] = FormatRfc3339(*look.taken_at);
    view["ledger_fence"] = look.ledger_fence;
    view["state_fence"] = look.state_fence;
    if (!look.repair.empty()) view["repair"] = look.repair;
  }
  if (standing.error) {
    view["message"] = standing.error->message;
    view["hint"] = standing.error->hint;
  }
  return view;
}

Result<bool> AdoptTarget(const Config& config, const Databases& databases, const std::string& target) {
  const TargetConfig* configured = config.FindTarget(target);
  if (configured == nullptr)
    return Fail(ErrorCode::kNotFound, "no target \"" + target + "\" in the configuration", "membridge targets list names them");
  try {
    Session state{databases.StateDsn(), "membridge adopt"};
    Session there{databases.DsnOf(*configured), "membridge adopt"};
    return sync::LedgerTie{state, there, target}.Adopt();
  } catch (const sync::postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("target " + target));
  }
}

LedgerWatch::LedgerWatch(const Config& config, const Databases& databases, Reasons& reasons)
    : thread_("ledger_watch", [&](const std::stop_token&) {
        for (const TargetStanding& standing : LookAtLedgers(config, databases)) {
          // The owner of a ledger is unknown while its database is away.
          if (!standing.look) continue;
          const Error told = standing.error.value_or(Error{});
          reasons.Set(Degraded::kLedgerOfAnotherState, {.target = standing.target}, IsForeign(standing), told.message, told.hint);
        }
        return std::chrono::milliseconds{kEvery};
      }) {}

}  // namespace membridge::admin
