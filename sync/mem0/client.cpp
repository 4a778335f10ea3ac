#include "sync/mem0/client.hpp"

#include <utility>

#include "sync/mem0/answer.hpp"
#include "sync/mem0/paths.hpp"
#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {

Client::Client(Options options, std::shared_ptr<CallBudget> budget)
    : wire_(std::make_unique<Wire>(std::move(options), std::move(budget))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

std::optional<std::chrono::milliseconds> Client::RetryAfter() const {
  return wire_->LastFailure().retry_after;
}
const Failure& Client::LastFailure() const {
  return wire_->LastFailure();
}
std::chrono::milliseconds Client::NextTurn() const {
  return wire_->Budget().NextTurn();
}

Result<Account> Client::Ping() {
  const auto answer = wire_->CallForJson({.name = "ping", .path = paths::Ping()});
  if (!answer) return tl::unexpected<Error>(answer.error());
  Account account{TextAt(*answer, "org_id").value_or(""), TextAt(*answer, "project_id").value_or(""),
                  TextAt(*answer, "user_email").value_or("")};
  if (account.project_id.empty()) return Fail(ErrorCode::kUnavailable, "ping: the answer names no project", "is base_url right?");
  return account;
}

}  // namespace membridge::sync::mem0
