#include "sync/worker/reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <typeinfo>
#include <utility>

#include "mappings/base/letter_case.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;
using Kind = ReadAnswer::Kind;

/// After this many failed single reads in a row, a round stops asking Mem0, which would only add load.
constexpr int kFailuresInARow = 3;

/// Ids are compared as Mem0 may spell them.
std::string KeyOf(const MemoryId& id) {
  return LoweredAscii(id.Text());
}

}  // namespace

/// One memory on its way through a read.
struct Reader::Asked {
  MemoryId id;
  bool listable = false;  // only UUIDs can be asked for in a list
  enum class Listed { kUnknown, kThere, kLacking } listed = Listed::kUnknown;
  ReadAnswer answer{};

  void Fail(const Error& error, std::optional<milliseconds> retry_after = std::nullopt) {
    answer.kind = Kind::kFailed;
    answer.error = error;
    answer.retry_after = retry_after;
  }
};

Reader::Reader(ReaderOptions options, ClientFor client_for, WorkerCounters& counters)
    : options_(options), client_for_(std::move(client_for)), counters_(counters) {}

Reader::~Reader() = default;

mem0::Records& Reader::ClientOf(const ProjectId& project, std::size_t number) {
  auto& clients = clients_[project];
  while (clients.size() <= number) clients.push_back(client_for_(project));
  return *clients[number];
}

/// A project that left the configuration may still have memories in the queue.
bool Reader::IsConfigured(const ProjectId& project) {
  auto& clients = clients_[project];
  if (!clients.empty()) return true;
  auto client = client_for_(project);
  if (!client) return false;
  clients.push_back(std::move(client));
  return true;
}

std::optional<Error> Reader::OfOtherProject(const ProjectId& project) {
  return IsConfigured(project) ? ClientOf(project).OfOtherProject() : std::nullopt;
}

milliseconds Reader::NextTurn() const {
  std::optional<milliseconds> turn;
  for (const auto& [project, clients] : clients_) {
    if (clients.empty()) continue;
    const milliseconds next = clients.front()->NextTurn();
    turn = turn ? std::min(*turn, next) : next;
  }
  return turn.value_or(milliseconds{0});
}

std::vector<ReadAnswer> Reader::Read(const ProjectId& project, const std::vector<MemoryId>& ids,
                                     const std::function<void()>& advance) {
  std::vector<Asked> asked;
  asked.reserve(ids.size());
  for (const MemoryId& id : ids) asked.push_back({id, mem0::LooksLikeUuid(id.Text())});
  if (!IsConfigured(project)) {
    for (Asked& one : asked) one.Fail({ErrorCode::kUnavailable, "the configuration has no project " + project.Text(), ""});
    return AnswersOf(asked);
  }
  const bool exact = ClientOf(project).IsExact();
  for (Asked& one : asked) {
    one.listable = one.listable || exact;
    one.answer.is_exact = exact;
  }
  const auto listable = std::ranges::count_if(asked, &Asked::listable);
  if ((listable < 2 && !exact) || ReadList(project, asked)) {
    advance();
    ReadSingly(project, asked, advance);
    ConfirmAbsent(project, asked);
    advance();
  }
  return AnswersOf(asked);
}

std::vector<ReadAnswer> Reader::AnswersOf(std::vector<Asked>& asked) {
  std::vector<ReadAnswer> answers;
  answers.reserve(asked.size());
  for (Asked& one : asked) answers.push_back(std::move(one.answer));
  return answers;
}

/// Makes one list call for all memories that can be listed. Returns false when Mem0 does not answer; then all of them have
/// failed.
bool Reader::ReadList(const ProjectId& project, std::vector<Asked>& asked) {
  std::vector<MemoryId> ids;
  std::map<std::string, Asked*> by_id;
  for (Asked& one : asked) {
    if (!one.listable) continue;
    ids.push_back(one.id);
    by_id[KeyOf(one.id)] = &one;
  }
  ++counters_.list_reads;
  mem0::Records& client = ClientOf(project);
  auto listed = client.ReadMany(ids);
  if (!listed) {
    // A refused list tells nothing about the memories, so they are read one by one.
    if (listed.error().code == ErrorCode::kRefused) return true;
    for (Asked& one : asked) one.Fail(listed.error(), client.RetryAfter());
    return false;
  }
  if (listed->complete) {
    for (const auto& [id, one] : by_id) {
      one->listed = Asked::Listed::kLacking;
      if (client.IsExact()) one->answer.kind = Kind::kAbsent;
    }
  }
  for (const MemoryId& id : listed->unreadable) {
    by_id.at(KeyOf(id))->listed = Asked::Listed::kThere;
    by_id.at(KeyOf(id))->answer.kind = Kind::kNotAsked;
  }
  for (mappings::Memory& memory : listed->memories) {
    Asked& one = *by_id.at(KeyOf(memory.id));
    one.listed = Asked::Listed::kThere;
    one.answer.kind = Kind::kFound;
    one.answer.memory = std::move(memory);
  }
  return true;
}

/// Reads the memories that are still open, several at the same time. Those that it does not reach stay kNotAsked.
void Reader::ReadSingly(const ProjectId& project, std::vector<Asked>& asked, const std::function<void()>& advance) {
  std::vector<Asked*> open;
  for (Asked& one : asked) {
    if (one.answer.kind == Kind::kNotAsked) open.push_back(&one);
  }
  if (open.empty()) return;
  const auto last_begin = std::chrono::steady_clock::now() + options_.begin_within;
  std::atomic<std::size_t> next{0};
  std::atomic<int> failures{0};
  const auto work = [&](mem0::Records& client) {
    while (failures < kFailuresInARow && std::chrono::steady_clock::now() < last_begin) {
      const std::size_t place = next++;
      if (place >= open.size()) return;
      ReadOne(client, *open[place]);
      if (open[place]->answer.kind == Kind::kFailed) {
        ++failures;
      } else {
        failures = 0;
      }
      advance();
    }
  };
  const std::size_t threads = std::clamp<std::size_t>(options_.parallel, 1, open.size());
  std::vector<mem0::Records*> clients;
  for (std::size_t number = 0; number < threads; ++number) clients.push_back(&ClientOf(project, number));
  std::vector<std::jthread> others;
  for (std::size_t number = 1; number < threads; ++number) others.emplace_back([&, number] { work(*clients[number]); });
  work(*clients.front());
}

void Reader::ReadOne(mem0::Records& client, Asked& one) {
  ++counters_.single_reads;
  try {
    auto answer = client.ReadOne(one.id);
    if (answer) {
      one.answer.kind = Kind::kFound;
      one.answer.memory = std::move(*answer);
      return;
    }
    one.Fail(answer.error(), client.RetryAfter());
    if (answer.error().code == ErrorCode::kNotFound) one.answer.kind = Kind::kAbsent;
    if (answer.error().code == ErrorCode::kRefused) one.answer.kind = Kind::kNotAnId;
    if (answer.error().code == ErrorCode::kRowRejected) one.answer.kind = Kind::kUnreadable;
  } catch (const std::exception& failure) {
    // This is a thread's own function, so the exception must be caught here. Its text may hold anything, so only its type is
    // kept.
    one.Fail({ErrorCode::kUnavailable, fmt::format("read_memory: {}", typeid(failure).name()), ""});
  }
}

/// Confirms absent memories by a list. A single 404 is not proof, because a proxy or a broken part of Mem0 may send it as well. A
/// memory counts as absent only when a complete list lacks it too.
void Reader::ConfirmAbsent(const ProjectId& project, std::vector<Asked>& asked) {
  std::vector<Asked> unconfirmed;
  std::vector<Asked*> places;
  for (Asked& one : asked) {
    if (one.answer.kind != Kind::kAbsent || one.listed != Asked::Listed::kUnknown || !one.listable) continue;
    unconfirmed.push_back({one.id, true});
    places.push_back(&one);
  }
  if (!unconfirmed.empty()) ReadList(project, unconfirmed);
  for (std::size_t i = 0; i < places.size(); ++i) {
    places[i]->listed = unconfirmed[i].listed;
    if (unconfirmed[i].answer.kind == Kind::kFailed) places[i]->answer = std::move(unconfirmed[i].answer);
  }
  for (Asked& one : asked) {
    if (one.answer.kind != Kind::kAbsent || one.listed == Asked::Listed::kLacking) continue;
    one.answer.kind = Kind::kContradicted;
    one.answer.error = {ErrorCode::kUnavailable,
                        one.listed == Asked::Listed::kThere
                            ? "Mem0 answered 404 for the memory, and its list still has it"
                            : "Mem0 answered 404 for the memory, and no complete list by its id could be had",
                        "look at the memory in Mem0's dashboard, and at what stands between the bridge and Mem0"};
    ++counters_.contradicted;
  }
}

}  // namespace membridge::sync
