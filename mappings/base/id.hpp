#pragma once

#include <compare>
#include <string>
#include <utility>

namespace membridge {

/// A text id with a type of its own, so that the compiler refuses to mix kinds of ids.
template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}
  const std::string& Text() const noexcept { return text_; }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  std::string text_;
};

using ProjectId = Id<struct ProjectIdTag>;    ///< our name of a project, as in `projects:` of the configuration
using MemoryId = Id<struct MemoryIdTag>;      ///< Mem0's id of a memory
using DeliveryId = Id<struct DeliveryIdTag>;  ///< issued by the receiver: a UUIDv7, so ids sort by arrival

}  // namespace membridge
