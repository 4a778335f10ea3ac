#include "sync/targets/tied_sessions.hpp"

#include <utility>

namespace membridge::sync {

namespace {

postgres::KeptSession::Open Opening(const std::string& dsn, const std::string& application_name) {
  return [dsn, application_name] {
    postgres::Session session{dsn, application_name};
    session.KeepPlans();
    return session;
  };
}

}  // namespace

TiedSessions::TiedSessions(std::string state_dsn, std::string application_name)
    : state_dsn_(std::move(state_dsn)),
      application_name_(std::move(application_name)),
      state_(Opening(state_dsn_, application_name_)) {}

postgres::Session& TiedSessions::Unbroken(postgres::KeptSession& session) {
  if (session.IsBroken()) ties_.Forget();
  return session.Get();
}

postgres::Session& TiedSessions::Target(const std::optional<std::string>& dsn) {
  if (!dsn) return State();
  return Unbroken(targets_.try_emplace(*dsn, Opening(*dsn, application_name_)).first->second);
}

postgres::Session TiedSessions::Another(const std::optional<std::string>& dsn) const {
  return postgres::Session{dsn.value_or(state_dsn_), application_name_};
}

bool TiedSessions::AllAnswer() {
  try {
    State().Run("SELECT 1");
    for (auto& [dsn, session] : targets_) {
      if (session.IsOpen()) Unbroken(session).Run("SELECT 1");
    }
    return true;
  } catch (const postgres::SqlFailure&) {
    return false;
  }
}

}  // namespace membridge::sync
