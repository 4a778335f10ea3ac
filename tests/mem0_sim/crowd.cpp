#include "tests/mem0_sim/crowd.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

// A multiplication by an odd number shuffles the numbers below 2^48 and can be undone by its inverse.
constexpr std::uint64_t kMask = (std::uint64_t{1} << 48U) - 1;
constexpr std::uint64_t kShuffle = 0x9E3779B97F4B & kMask;

/// By Newton's iteration: each round doubles the number of right bits.
constexpr std::uint64_t InverseOf(std::uint64_t odd) {
  std::uint64_t inverse = odd;
  for (int round = 0; round < 6; ++round) inverse *= 2 - odd * inverse;
  return inverse & kMask;
}
constexpr std::uint64_t kUnshuffle = InverseOf(kShuffle);
static_assert((kShuffle * kUnshuffle & kMask) == 1);

/// What follows the six bytes of the number: a version 4 UUID that no dice will throw.
constexpr std::array<std::uint8_t, 10> kTail{0x40, 0x00, 0x80, 0x00, 0xC0, 0xFF, 0xEE, 0x00, 0x00, 0x00};

std::string UserOf(const Pattern& pattern, std::size_t number, std::size_t user) {
  return pattern.Make(number, user).owners[static_cast<std::size_t>(EntityType::kUser)].value_or("");
}

}  // namespace

tl::expected<void, std::string> Crowd::Set(const Json& request, Instant now) {
  auto pattern = PatternIn(request);
  if (!pattern) return tl::unexpected{pattern.error()};
  if (request.value("users", std::size_t{1}) == 0) return tl::unexpected{std::string{"users must be above zero"}};
  size_ = request.value("memories", std::size_t{0});
  users_ = request.value("users", std::size_t{1});
  pattern_ = std::move(*pattern);
  made_at_ = now;
  return {};
}

Uuid Crowd::IdOf(std::size_t number) const {
  const std::uint64_t shuffled = number * kShuffle & kMask;
  Uuid id;
  for (std::size_t i = 0; i < 6; ++i) id.bytes[i] = static_cast<std::uint8_t>(shuffled >> (40 - 8 * i));
  std::copy(kTail.begin(), kTail.end(), id.bytes.begin() + 6);
  return id;
}

std::optional<std::size_t> Crowd::NumberOf(const Uuid& id) const {
  if (!std::equal(kTail.begin(), kTail.end(), id.bytes.begin() + 6)) return std::nullopt;
  std::uint64_t shuffled = 0;
  for (std::size_t i = 0; i < 6; ++i) shuffled = shuffled << 8U | id.bytes[i];
  const std::uint64_t number = shuffled * kUnshuffle & kMask;
  return number < size_ ? std::optional{static_cast<std::size_t>(number)} : std::nullopt;
}

void Crowd::Show(std::size_t number, const std::function<void(const Memory&)>& use) const {
  NewMemory made = pattern_.Make(number, number % users_);
  Entity user;
  user.name = std::move(made.owners[static_cast<std::size_t>(EntityType::kUser)]).value_or("");
  Memory memory;
  memory.id = IdOf(number);
  memory.text = std::make_shared<const std::string>(std::move(made.text));
  memory.owners[static_cast<std::size_t>(EntityType::kUser)] = &user;
  memory.metadata = std::move(made.metadata);
  if (made.categories) memory.categories = std::make_shared<const std::vector<std::string>>(std::move(*made.categories));
  memory.created_at = memory.updated_at = made_at_;
  use(memory);
}

bool Crowd::Matches(const Query& query, std::size_t number) const {
  bool matches = false;
  Show(number, [&](const Memory& memory) { matches = query.filter.Matches(memory); });
  return matches;
}

std::optional<std::size_t> Crowd::UserNamed(const std::string& name) const {
  for (std::size_t user = 0; user < std::min(users_, size_); ++user) {
    if (UserOf(pattern_, user, user) == name) return user;
  }
  return std::nullopt;
}

Crowd::Chosen Crowd::Choose(const Query& query) const {
  if (size_ == 0) return {};
  if (const auto& ids = query.filter.OnlyIds()) {
    std::vector<std::size_t> numbers;
    for (const Uuid& id : *ids) {
      const auto number = NumberOf(id);
      if (number && Matches(query, *number)) numbers.push_back(*number);
    }
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    const std::size_t found = numbers.size();
    return {found, [numbers = std::move(numbers)](std::size_t place) { return numbers[place]; }};
  }
  if (const auto& owner = query.filter.OnlyEntity()) {
    const auto user = owner->first == EntityType::kUser ? UserNamed(owner->second) : std::nullopt;
    if (!user || !Matches(query, *user)) return {};
    return {(size_ - 1 - *user) / users_ + 1, [user = *user, users = users_](std::size_t place) { return user + place * users; }};
  }
  if (!Matches(query, 0)) return {};
  return {size_, [](std::size_t place) { return place; }};
}

}  // namespace membridge::mem0_sim
