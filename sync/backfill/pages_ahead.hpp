#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/mem0/records.hpp"

namespace membridge::sync {

/// Which pages of a list are wanted.
struct PagesWanted {
  std::int64_t run = 0;
  int walk = 0;
  std::int64_t listed = 0;  ///< records before the first of them
  int most = 1;             ///< pages
  mem0::PageRequest first{};

  bool Begins(const PagesWanted& other) const { return run == other.run && walk == other.walk && first.page == other.first.page; }
};

/// Reads the pages of a list, and the next ones while their reader works on those before. For one thread; `records` are
/// its own meanwhile.
class PagesAhead {
 public:
  using Pages = std::vector<mem0::MemoryPage>;

  /// `records` outlives it.
  explicit PagesAhead(mem0::Records& records) : records_(records) {}
  ~PagesAhead();
  PagesAhead(const PagesAhead&) = delete;
  PagesAhead& operator=(const PagesAhead&) = delete;

  /// Returns at least one page, and at most the wanted number: fewer when one may be the last, when the next could not be read,
  /// or when answers come slowly. Uses what was read ahead where that begins with the same page.
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

  mem0::Records& records_;
  std::unique_ptr<Ahead> ahead_;
};

}  // namespace membridge::sync
