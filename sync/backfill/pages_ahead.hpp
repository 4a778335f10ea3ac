#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::sync {

/// Which pages of a list are wanted.
struct PagesWanted {
  std::int64_t run = 0;
  int walk = 0;
  int page = 0;             ///< the first of them
  std::int64_t listed = 0;  ///< records before it
  int most = 1;             ///< pages
  mem0::Filter filter = mem0::Filter::Everything();

  bool Begins(const PagesWanted& other) const { return run == other.run && walk == other.walk && page == other.page; }
};

/// Reads the pages of a list from Mem0, and the next ones while their reader works on those before. For one thread; the client is
/// its own meanwhile.
class PagesAhead {
 public:
  using Pages = std::vector<mem0::MemoryPage>;

  /// The client outlives it.
  PagesAhead(mem0::Client& client, int page_size) : client_(client), page_size_(page_size) {}
  ~PagesAhead();
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;

  /// Returns at least one page, and at most the wanted number: fewer when one may be the last, when the next could not be read,
  /// or when Mem0 answers slowly. Uses what was read ahead where that begins with the same page.
  Result<Pages> Read(const PagesWanted& wanted);
  /// Reads what follows these pages, in a thread of its own, where it is clear that something does. `wanted` is what they were
  /// read for, `most` how many to read.
  void ReadBehind(const PagesWanted& wanted, const Pages& pages, int most);

 private:
  struct Ahead {
    PagesWanted wanted;
    std::future<Result<Pages>> answer;
  };
  Result<Pages> ReadNow(PagesWanted wanted);

  mem0::Client& client_;
  const int page_size_;
  std::unique_ptr<Ahead> ahead_;
};

}  // namespace membridge::sync
