#include "admin/serve/audit_watch.hpp"

#include <chrono>
#include <utility>

#include "admin/access/audit_seals.hpp"
#include "mappings/base/log.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

constexpr std::chrono::seconds kBetweenLooks{10};

}  // namespace

AuditWatch::AuditWatch(std::string state_dsn, Metrics& metrics)
    : state_dsn_(std::move(state_dsn)), thread_("audit", [this](const std::stop_token&) {
        Look();
        return kBetweenLooks;
      }) {
  metrics.Watch(Metrics::Kind::kGauge, "membridge_audit_entries", "Entries of the audit, which only grow", [this] {
    const std::lock_guard lock{mutex_};
    return entries_ ? std::vector<MetricSample>{{{}, static_cast<double>(*entries_)}} : std::vector<MetricSample>{};
  });
}

void AuditWatch::Look() {
  sync::postgres::Session session{state_dsn_, "membridge audit"};
  SealChain(session);
  const auto head = session.Run("SELECT number, hash FROM membridge.audit_head");
  if (head.empty()) return;
  {
    const std::lock_guard lock{mutex_};
    entries_ = head.Int(0, 0);
  }
  if (*entries_ == 0 || head.Text(0, 1) == hash_) return;
  hash_ = head.Text(0, 1);
  Log(LogLevel::kInfo, "audit_grew", {{"entries", *entries_}, {"hash", hash_}});
}

}  // namespace membridge::admin
