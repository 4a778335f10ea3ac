#include "sync/mem0/webhook_events.hpp"

namespace membridge::sync::mem0 {

const std::vector<std::string>& KnownWebhookEvents() {
  static const std::vector<std::string> kKnown{"memory_add",        "memory_update",        "memory_delete",
                                               "memory_categorize", "ingest_job_completed", "ingest_job_partially_completed",
                                               "ingest_job_failed", "ingest_job_cancelled"};
  return kKnown;
}

}  // namespace membridge::sync::mem0
