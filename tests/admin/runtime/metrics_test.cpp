#include "admin/runtime/metrics.hpp"

#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

TEST_CASE("metrics are told in Prometheus's words, sorted by name", "[admin][metrics]") {
  Metrics metrics;
  double depth = 3;
  metrics.Watch(Metrics::Kind::kGauge, "membridge_dirty_memories", "Memories that wait to be read", [&] {
    return std::vector<MetricSample>{{{{"project", "crm"}}, depth}};
  });
  metrics.Count("membridge_answers_total", "Answers given", {{"status", "200"}}, 2);
  metrics.Count("membridge_answers_total", "Answers given", {{"status", "200"}});
  CHECK(metrics.Text() ==
        "# HELP membridge_answers_total Answers given\n"
        "# TYPE membridge_answers_total counter\n"
        "membridge_answers_total{status=\"200\"} 3\n"
        "# HELP membridge_dirty_memories Memories that wait to be read\n"
        "# TYPE membridge_dirty_memories gauge\n"
        "membridge_dirty_memories{project=\"crm\"} 3\n");
  depth = 0;
  CHECK(metrics.Text().find("membridge_dirty_memories{project=\"crm\"} 0\n") != std::string::npos);
  metrics.Forget();
  CHECK(metrics.Text().find("membridge_dirty_memories") == std::string::npos);
}

TEST_CASE("observations become a histogram", "[admin][metrics]") {
  Metrics metrics;
  metrics.Observe("membridge_commit_seconds", "How long a commit took", 0.002);
  metrics.Observe("membridge_commit_seconds", "How long a commit took", 0.2);
  const std::string text = metrics.Text();
  CHECK(text.find("membridge_commit_seconds_count 2\n") != std::string::npos);
  CHECK(text.find("membridge_commit_seconds_bucket{le=\"0.0025\"} 1\n") != std::string::npos);
  CHECK(text.find("membridge_commit_seconds_bucket{le=\"+Inf\"} 2\n") != std::string::npos);
}

TEST_CASE("a histogram that its owner counts is told like any other", "[admin][metrics]") {
  Metrics metrics;
  metrics.WatchHistogram("membridge_lag_seconds", "How long it took", [] { return MetricHistogram{{0.5, 1}, {2, 1, 4}, 30.5}; });
  CHECK(metrics.Text() ==
        "# HELP membridge_lag_seconds How long it took\n"
        "# TYPE membridge_lag_seconds histogram\n"
        "membridge_lag_seconds_count 7\n"
        "membridge_lag_seconds_sum 30.5\n"
        "membridge_lag_seconds_bucket{le=\"0.5\"} 2\n"
        "membridge_lag_seconds_bucket{le=\"1\"} 3\n"
        "membridge_lag_seconds_bucket{le=\"+Inf\"} 7\n");
  metrics.Forget();
  CHECK(metrics.Text().empty());
}

}  // namespace
}  // namespace membridge::admin
