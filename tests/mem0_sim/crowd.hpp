#pragma once

#include <cstddef>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "tests/mem0_sim/filter.hpp"
#include "tests/mem0_sim/memory.hpp"
#include "tests/mem0_sim/pattern.hpp"
#include "tests/mem0_sim/store.hpp"

namespace membridge::mem0_sim {

/// Memories by the million that are generated whenever somebody reads them, and never stored: every one follows from its number.
/// They are listed behind the stored ones, can be read by id, and cannot be changed. For one thread.
class Crowd {
 public:
  /// `{memories, users, text, user_id, metadata, categories}` as Load() takes them. Replaces what was there.
  tl::expected<void, std::string> Set(const nlohmann::json& request, Instant now);
  std::size_t Size() const { return size_; }

  /// The id of a number: spread evenly, as random ones are. And back; nothing for ids of nobody here.
  Uuid IdOf(std::size_t number) const;
  std::optional<std::size_t> NumberOf(const Uuid& id) const;
  /// Calls `use` with a memory that lives as long as the call.
  void Show(std::size_t number, const std::function<void(const Memory&)>& use) const;

  /// What a listing meets of them: how many, and the number of the one at a place.
  struct Chosen {
    std::size_t size = 0;
    std::function<std::size_t(std::size_t place)> number_at;
  };
  /// By ids and by user they are told apart; to any other condition they are all like the first one.
  Chosen Choose(const Query& query) const;

 private:
  bool Matches(const Query& query, std::size_t number) const;
  std::optional<std::size_t> UserNamed(const std::string& name) const;

  std::size_t size_ = 0;
  std::size_t users_ = 1;
  Pattern pattern_;
  Instant made_at_{};
};

}  // namespace membridge::mem0_sim
