// How many deliveries a second one PostgresInbox stores, dirty marks included, against one INSERT per delivery on one connection.
//
//   inbox_bench DSN [DELIVERIES]
//
// The database should be a scratch one on a server with fsync on: deliveries, dirty and a table of its own are emptied. The two
// take turns, three rounds each, and the medians are compared: absolute figures differ from machine to machine, the ratio does
// not.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "sync/inbox/postgres_inbox.hpp"
#include "sync/migrations/migrate.hpp"
#include "sync/postgres/session.hpp"

namespace {

using namespace membridge;
using sync::Delivery;
using sync::postgres::Session;

constexpr std::size_t kBatch = 64;
constexpr int kRounds = 3;

std::mt19937_64 random_bits{42};  // NOLINT: the same deliveries in every run

std::string RandomUuid(std::uint64_t first) {
  const std::uint64_t second = random_bits();
  return fmt::format("{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}", static_cast<std::uint32_t>(first >> 16), first & 0xffff,
                     second & 0xfff, 0x8000 | (second >> 12 & 0x3fff), second >> 16);
}

// As a receiver makes them: ids that rise with time, memories all over the place.
Delivery RandomDelivery() {
  Delivery delivery;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  delivery.id =
      DeliveryId{RandomUuid(static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()))};
  delivery.project = ProjectId{"crm"};
  delivery.received_at = Instant{std::chrono::duration_cast<std::chrono::microseconds>(now)};
  const MemoryId memory{RandomUuid(random_bits() & 0xffffffffffff)};
  delivery.body =
      fmt::format(R"({{"event_details":{{"id":"{}","data":{{"memory":"{:*<120}"}},"event":"memory_add"}}}})", memory.Text(), "");
  delivery.source_address = "203.0.113.7";
  delivery.headers = {{"content-type", "application/json"}, {"user-agent", "mem0"}};
  delivery.verdict = "accepted";
  delivery.memories = {memory};
  return delivery;
}

double PerSecond(std::size_t deliveries, std::chrono::steady_clock::time_point since) {
  return static_cast<double>(deliveries) / std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

double MeasureInbox(sync::PostgresInbox& inbox, std::size_t deliveries) {
  std::vector<std::vector<Delivery>> batches;
  for (std::size_t made = 0; made < deliveries; made += kBatch) {
    std::vector<Delivery>& batch = batches.emplace_back();
    for (std::size_t i = 0; i < kBatch; ++i) batch.push_back(RandomDelivery());
  }
  const auto start = std::chrono::steady_clock::now();
  for (const std::vector<Delivery>& batch : batches) {
    if (const auto accepted = inbox.Accept(batch); !accepted) {
      fmt::print(stderr, "{}\n", accepted.error().message);
      std::exit(1);
    }
  }
  return PerSecond(batches.size() * kBatch, start);
}

double MeasureOneByOne(Session& session, std::size_t deliveries) {
  std::vector<Delivery> made;
  for (std::size_t i = 0; i < deliveries; ++i) made.push_back(RandomDelivery());
  const auto start = std::chrono::steady_clock::now();
  for (const Delivery& delivery : made) {
    session.Run("INSERT INTO public.one_by_one (id, body) VALUES ($1::uuid, $2::text)", {delivery.id.Text(), delivery.body});
  }
  return PerSecond(deliveries, start);
}

double Median(std::vector<double> figures) {
  std::ranges::sort(figures);
  return figures[figures.size() / 2];
}

}  // namespace

int main(int argc, char* argv[]) {
  if (argc < 2) {
    fmt::print(stderr, "usage: inbox_bench DSN [DELIVERIES]\n");
    return 2;
  }
  const std::size_t deliveries = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 64'000;
  try {
    Session session{argv[1], "inbox_bench"};
    if (const auto migrated = sync::Migrate(session, sync::MigrationKind::kState); !migrated) {
      fmt::print(stderr, "{}\n", migrated.error().message);
      return 1;
    }
    session.Run("CREATE TABLE IF NOT EXISTS public.one_by_one (id uuid PRIMARY KEY, body text NOT NULL)");
    session.Run("TRUNCATE membridge.deliveries, membridge.dirty, public.one_by_one");
    sync::PostgresInbox inbox{argv[1]};
    std::vector<double> batched, one_by_one;
    for (int round = 0; round < kRounds; ++round) {
      batched.push_back(MeasureInbox(inbox, deliveries));
      one_by_one.push_back(MeasureOneByOne(session, deliveries / 16));
    }
    fmt::print("inbox, batches of {}: {:.0f} deliveries/s\none INSERT each: {:.0f} deliveries/s\nratio: {:.1f}\n", kBatch,
               Median(batched), Median(one_by_one), Median(batched) / Median(one_by_one));
  } catch (const sync::postgres::SqlFailure& failure) {
    fmt::print(stderr, "{}\n", failure.what());
    return 1;
  }
  return 0;
}
