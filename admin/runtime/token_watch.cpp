#include "admin/runtime/token_watch.hpp"

#include <utility>
#include <vector>

#include "sync/inbox/tokens.hpp"

namespace membridge::admin {

TokenWatch::TokenWatch(std::string state_dsn)
    : tokens_(std::make_shared<receiver::Snapshot<receiver::TokenSet>>(receiver::TokenSet{})),
      session_(std::move(state_dsn), "membridge tokens") {
  ReloadNow();
  thread_.emplace("tokens", [this](const std::stop_token&) {
    ReloadNow();
    return std::chrono::milliseconds{1'000};
  });
}

void TokenWatch::ReloadNow() {
  const std::lock_guard lock{mutex_};
  sync::postgres::Transaction transaction = session_.Get().Begin();
  std::vector<receiver::StoredToken> stored;
  for (auto& token : sync::Tokens{transaction}.Valid()) {
    stored.push_back({std::move(token.id), std::move(token.project), std::move(token.hash), std::nullopt, token.expires_at});
  }
  transaction.Commit();
  tokens_->Replace(receiver::TokenSet{stored});
}

}  // namespace membridge::admin
