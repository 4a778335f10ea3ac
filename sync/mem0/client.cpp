#include "sync/mem0/client.hpp"

#include <utility>

#include "sync/mem0/access.hpp"
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
  return wire_->Ping();
}

Result<void> Client::Admit() {
  return wire_->Admit();
}

std::optional<Error> Client::OfOtherProject() {
  const auto admitted = wire_->Admit();
  if (admitted || wire_->StandingOfKey() != Access::Standing::kOtherProject) return std::nullopt;
  return admitted.error();
}

}  // namespace membridge::sync::mem0
