#include "admin/serve/reception.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "receiver/http/address_places.hpp"
#include "receiver/verify/network.hpp"
#include "receiver/verify/token_verifier.hpp"

namespace membridge::admin {
namespace {

/// One failed attempt may be caused by one bad delivery. And when no deliveries come, the last result becomes too old to be used.
constexpr int kFailuresThatCount = 2;
constexpr std::chrono::seconds kFailureIsRecent{30};

using Tokens = std::shared_ptr<const receiver::Snapshot<receiver::TokenSet>>;

std::shared_ptr<const receiver::Verifier> VerifierOf(const VerificationScheme& scheme, const Tokens& tokens) {
  if (scheme.verifier) return scheme.verifier;
  if (scheme.parts.empty()) return std::make_shared<receiver::TokenVerifier>(tokens);
  receiver::Verification::Schemes parts;
  for (const VerificationScheme& part : scheme.parts) parts.push_back(VerifierOf(part, tokens));
  return scheme.name == "any" ? receiver::MakeAnyOf(std::move(parts)).value() : receiver::MakeAllOf(std::move(parts)).value();
}

receiver::Verification VerificationOf(const Config& config, const Tokens& tokens) {
  std::map<ProjectId, receiver::Verification::Schemes> schemes;
  for (const auto& project : config.projects) {
    for (const VerificationScheme& scheme : project.webhook.verify) {
      schemes[project.id].push_back(VerifierOf(scheme, tokens));
    }
  }
  return receiver::Verification{std::move(schemes)};
}

receiver::http::Limits ReceiverLimits(const Config& config) {
  receiver::http::Limits limits;
  limits.max_body_bytes = config.max_body_bytes;
  limits.idle_timeout = config.http.idle;
  limits.max_per_address = config.http.connections_per_address;
  return limits;
}

bool Trusts(const std::vector<VerificationScheme>& schemes, const receiver::IpAddress& address) {
  return std::any_of(schemes.begin(), schemes.end(), [&](const VerificationScheme& scheme) {
    return scheme.trusted_proxies.Contains(address) || Trusts(scheme.parts, address);
  });
}

}  // namespace

std::string AddressOf(const ListenAddress& listen) {
  const bool v6 = listen.host.find(':') != std::string::npos;
  return (v6 ? "[" + listen.host + "]" : listen.host) + ":" + std::to_string(listen.port);
}

bool MayHaveManyConnections(const Config& config, const std::string& peer_address) {
  if (receiver::http::IsLoopback(peer_address)) return true;
  const auto address = receiver::ReadIpAddress(peer_address);
  if (!address) return false;
  return config.http.trusted_proxies.Contains(*address) || config.admin_trusted_proxies.Contains(*address) ||
         std::any_of(config.projects.begin(), config.projects.end(),
                     [&](const ProjectConfig& project) { return Trusts(project.webhook.verify, *address); });
}

Reception::Reception(const Config& config, const std::string& state_dsn, const Clock& clock,
                     const std::shared_ptr<const receiver::Snapshot<receiver::TokenSet>>& tokens, Metrics& metrics,
                     const sync::PostgresInbox::OnStored& on_stored, const sync::PostgresInbox::CountsEvents& counts_events)
    : metrics_(metrics.Registry()),
      inboxes_{sync::PostgresInbox{state_dsn, on_stored, counts_events},
               sync::PostgresInbox{state_dsn, on_stored, counts_events}},
      committer_({&inboxes_[0], &inboxes_[1]}, {},
                 {{},
                  [this](std::size_t deliveries, std::chrono::duration<double> took, bool stored) {
                    NoteAttempt(deliveries, took, stored);
                  }}),
      verification_(VerificationOf(config, tokens)),
      route_(clock, verification_, committer_, metrics_, config.max_body_bytes),
      server_(AddressOf(config.listen), ReceiverLimits(config),
              {.handler = [this](receiver::http::Request&& request, const auto& reply) { router_(std::move(request), reply); },
               .head_check = [this](const auto& head) { return router_.CheckHead(head); },
               .is_exempt = [&config](const std::string& peer) { return MayHaveManyConnections(config, peer); }}) {
  route_.AddTo(router_);
  metrics.BeforeText([this] { metrics_.NoteState(committer_.Queued(), committer_.Lag(), server_.Counted()); });
}

void Reception::NoteAttempt(std::size_t deliveries, std::chrono::duration<double> took, bool stored) {
  metrics_.NoteCommit(deliveries, took, stored);
  if (stored) {
    failures_in_a_row_ = 0;
    return;
  }
  ++failures_in_a_row_;
  failed_at_ = std::chrono::steady_clock::now().time_since_epoch();
}

bool Reception::StoringFails() const {
  return failures_in_a_row_ >= kFailuresThatCount &&
         std::chrono::steady_clock::now().time_since_epoch() - failed_at_.load() < kFailureIsRecent;
}

void Reception::Stop(std::chrono::milliseconds within) {
  server_.Stop(within);
  committer_.Stop();
}

}  // namespace membridge::admin
