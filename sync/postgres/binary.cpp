#include "sync/postgres/binary.hpp"

#include <stdexcept>
#include <utility>

namespace membridge::sync::postgres {
namespace {

// The oids in PostgreSQL's catalog. They are the same in every version.
struct ArrayType {
  std::uint32_t array, element;
};
constexpr std::uint32_t kBigint = 20;

ArrayType TypeOf(BinaryColumn::Element element) {
  switch (element) {
    case BinaryColumn::Element::kUuid:
      return {2951, 2950};
    case BinaryColumn::Element::kTime:
      return {1185, 1184};
    case BinaryColumn::Element::kText:
      return {1009, 25};
    case BinaryColumn::Element::kBytes:
      return {1001, 17};
  }
  throw std::logic_error("an array of a type that is not known");
}

void AppendBigEndian(std::string& bytes, std::uint64_t number, int width) {
  for (int shift = 8 * (width - 1); shift >= 0; shift -= 8) bytes += static_cast<char>(number >> shift & 0xff);
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  throw std::logic_error("an id that is no UUID");
}

constexpr std::uint32_t kNull = 0xffff'ffff;

}  // namespace

BinaryParam BinaryNumber(std::int64_t number) {
  BinaryParam param{kBigint, {}};
  AppendBigEndian(param.bytes, static_cast<std::uint64_t>(number), 8);
  return param;
}

BinaryColumn::BinaryColumn(Element element) : element_(element) {}

void BinaryColumn::Length(std::size_t length) {
  AppendBigEndian(bytes_, length, 4);
  ++elements_;
}

void BinaryColumn::Add(std::string_view bytes) {
  Length(bytes.size());
  bytes_ += bytes;
}

void BinaryColumn::AddUuid(std::string_view text) {
  if (text.size() != 36) throw std::logic_error("an id that is no UUID");
  Length(16);
  for (std::size_t i = 0; i < text.size();) {
    if (i == 8 || i == 13 || i == 18 || i == 23) {
      if (text[i++] != '-') throw std::logic_error("an id that is no UUID");
      continue;
    }
    bytes_ += static_cast<char>(DigitOf(text[i]) << 4 | DigitOf(text[i + 1]));
    i += 2;
  }
}

void BinaryColumn::AddTime(Instant time) {
  constexpr std::int64_t kYear2000 = 946'684'800'000'000;  // PostgreSQL counts its microseconds from there
  Length(8);
  AppendBigEndian(bytes_, static_cast<std::uint64_t>(time.time_since_epoch().count() - kYear2000), 8);
}

void BinaryColumn::AddNull() {
  AppendBigEndian(bytes_, kNull, 4);
  ++elements_;
  has_null_ = true;
}

BinaryParam BinaryColumn::Take() {
  const ArrayType type = TypeOf(element_);
  BinaryParam param{type.array, {}};
  param.bytes.reserve(20 + bytes_.size());
  AppendBigEndian(param.bytes, elements_ == 0 ? 0 : 1, 4);  // dimensions
  AppendBigEndian(param.bytes, has_null_ ? 1 : 0, 4);
  AppendBigEndian(param.bytes, type.element, 4);
  if (elements_ > 0) {
    AppendBigEndian(param.bytes, elements_, 4);
    AppendBigEndian(param.bytes, 1, 4);  // the first index
  }
  param.bytes += bytes_;
  Clear();
  return param;
}

BinaryParam BinaryColumn::TakeOnly() {
  if (elements_ != 1) throw std::logic_error("a column of one element holds another number of them");
  BinaryParam param{TypeOf(element_).element, bytes_.substr(4), has_null_};
  Clear();
  return param;
}

void BinaryColumn::Clear() {
  bytes_.clear();
  elements_ = 0;
  has_null_ = false;
}

}  // namespace membridge::sync::postgres
