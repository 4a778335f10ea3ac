#include "mappings/base/exact_json.hpp"

#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "mappings/base/decimal.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Parsing never makes a binary value, so the kind alone marks an exact number. The subtype only helps a reader in a debugger.
constexpr std::uint64_t kExactNumber = 0x6e;

/// Limits how much all numbers of one text may grow together: with an exponent, 1 kB of text can stand for 130 kB of digits.
constexpr std::size_t kMostGrowth = std::size_t{1} << 20U;

template <class Json>
Json ExactNumber(const std::string& digits) {
  return Json::binary({digits.begin(), digits.end()}, kExactNumber);
}

template <class Json>
std::string DigitsOf(const Json& value) {
  const auto& bytes = value.get_binary();
  return {bytes.begin(), bytes.end()};
}

/// Returns the number in the simplest form that prints exactly these digits: an integer, a double, or else an exact number.
template <class Json>
Json NumberOf(const std::string& digits) {
  const char* end = digits.data() + digits.size();
  if (digits.find('.') == std::string::npos) {
    std::int64_t whole = 0;
    if (std::from_chars(digits.data(), end, whole).ec == std::errc{}) return whole;
    std::uint64_t large = 0;
    if (std::from_chars(digits.data(), end, large).ec == std::errc{}) return large;
    return ExactNumber<Json>(digits);
  }
  const double real = std::strtod(digits.c_str(), nullptr);
  if (Json plain = real; plain.dump() == digits) return plain;
  return ExactNumber<Json>(digits);
}

/// Builds the value from the parser's events. `replaced` gives the digits of some numbers, by their position among the text's
/// numbers; they are used instead of what the parser read.
template <class Json>
class ExactBuilder final : public nlohmann::json_sax<Json> {
 public:
  using Base = nlohmann::json_sax<Json>;

  Json result;
  bool out_of_range = false;  ///< the text holds a number beyond the range of a double
  std::map<std::size_t, std::string> replaced;

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(typename Base::number_integer_t value) override {
    return PutNumber([&] { return Json(value); }, {});
  }
  bool number_unsigned(typename Base::number_unsigned_t value) override {
    return PutNumber([&] { return Json(value); }, {});
  }
  bool number_float(typename Base::number_float_t value, const typename Base::string_t& literal) override {
    return PutNumber(
        [&]() -> Json {
          const bool plain = literal.find_first_of("eE") == std::string::npos && !literal.starts_with("-0.");
          if (Json number = value; plain && number.dump() == literal) return number;
          return {};
        },
        literal);
  }
  bool string(typename Base::string_t& value) override { return Put(std::move(value)); }
  bool binary(typename Base::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool key(typename Base::string_t& name) override {
    key_ = &(*open_.back())[name];
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    constexpr int kOutOfRange = 406;
    out_of_range = error.id == kOutOfRange;
    return false;
  }

 private:
  template <class Plain>
  bool PutNumber(const Plain& plain, std::string_view literal) {
    const auto other = replaced.find(numbers_++);
    if (other == replaced.end() && literal.empty()) return Put(plain());
    if (other == replaced.end()) {
      if (Json number = plain(); !number.is_null()) return Put(std::move(number));
    } else {
      literal = other->second;
    }
    const auto digits = PlainDecimal(literal);
    if (!digits) return false;
    if (digits->size() > literal.size()) growth_ += digits->size() - literal.size();
    return growth_ <= kMostGrowth && Put(NumberOf<Json>(*digits));
  }

  Json* Place() {
    if (open_.empty()) return &result;
    if (open_.back()->is_array()) {
      open_.back()->push_back(nullptr);
      return &open_.back()->back();
    }
    return key_;
  }
  template <class Value>
  bool Put(Value&& value) {
    *Place() = std::forward<Value>(value);
    return true;
  }
  bool Open(Json container) {
    Json* place = Place();
    *place = std::move(container);
    open_.push_back(place);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  std::vector<Json*> open_;  // a container does not move while one inside it is open
  Json* key_ = nullptr;
  std::size_t numbers_ = 0;
  std::size_t growth_ = 0;
};

/// Takes out the numbers of a JSON text that a double may not reach and puts 0 in their places. Returns their digits by position
/// among the text's numbers.
std::map<std::size_t, std::string> TakeFarNumbers(std::string& text) {
  constexpr std::size_t kNear = 300;  // a number of this many digits is always in the range of a double
  std::map<std::size_t, std::string> far;
  std::string kept;
  std::size_t numbers = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) at += text[at] == '\\' ? 1U : 0U;
      at = std::min(at + 1, text.size());
      kept.append(text, begin, at - begin);
    } else if (text[at] == '-' || (text[at] >= '0' && text[at] <= '9')) {
      at = std::min(text.find_first_not_of("+-.0123456789eE", at), text.size());
      std::string literal = text.substr(begin, at - begin);
      const bool is_far = literal.size() > kNear || literal.find_first_of("eE") != std::string::npos;
      kept += is_far ? "0" : literal;
      if (is_far) far.emplace(numbers, std::move(literal));
      ++numbers;
    } else {
      kept.push_back(text[at++]);
    }
  }
  text = std::move(kept);
  return far;
}

template <class Json>
Json Parsed(std::string_view text) {
  Json discarded(nlohmann::detail::value_t::discarded);
  ExactBuilder<Json> builder;
  if (Json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.result);
  if (!builder.out_of_range) return discarded;
  std::string near{text};
  ExactBuilder<Json> again;
  again.replaced = TakeFarNumbers(near);
  return Json::sax_parse(near.begin(), near.end(), &again) ? std::move(again.result) : discarded;
}

template <class Json>
bool HoldsExactNumber(const Json& value) {
  std::vector<const Json*> open{&value};
  while (!open.empty()) {
    const Json* node = open.back();
    open.pop_back();
    if (node->is_binary()) return true;
    if (!node->is_structured()) continue;
    for (const Json& child : *node) {
      if (child.is_binary()) return true;
      if (child.is_structured()) open.push_back(&child);
    }
  }
  return false;
}

template <class Json>
std::string PlainText(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Writes JSON as `dump` does, and with the same recursion.
template <class Json>
class Writer {
 public:
  explicit Writer(int indent) : indent_(indent) {}

  void Write(const Json& value, int level) {
    if (value.is_binary()) {
      text += DigitsOf(value);
    } else if (!value.is_structured() || value.empty()) {
      text += PlainText(value, -1);
    } else if (value.is_array()) {
      Enclose('[', ']', value, level, [&](const auto& element) { Write(*element, level + 1); });
    } else {
      Enclose('{', '}', value, level, [&](const auto& member) {
        text += PlainText(Json(member.key()), -1);
        text += indent_ < 0 ? ":" : ": ";
        Write(member.value(), level + 1);
      });
    }
  }

  std::string text;

 private:
  template <class Each>
  void Enclose(char open, char close, const Json& value, int level, const Each& each) {
    text.push_back(open);
    for (auto at = value.begin(); at != value.end(); ++at) {
      if (at != value.begin()) text.push_back(',');
      NewLine(level + 1);
      each(at);
    }
    NewLine(level);
    text.push_back(close);
  }
  void NewLine(int level) {
    if (indent_ >= 0) text.append("\n").append(static_cast<std::size_t>(indent_) * static_cast<std::size_t>(level), ' ');
  }

  int indent_;
};

template <class Json>
std::string Text(const Json& value, int indent) {
  if (!HoldsExactNumber(value)) return PlainText(value, indent);
  Writer<Json> writer{indent};
  writer.Write(value, 0);
  return std::move(writer.text);
}

json PlainNumber(const std::string& digits) {
  const double real = std::strtod(digits.c_str(), nullptr);
  if (digits.find('.') != std::string::npos) return real;
  return real < 0 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
}

}  // namespace

json ParseExact(std::string_view text) {
  return Parsed<json>(text);
}
ordered_json ParseExactInOrder(std::string_view text) {
  return Parsed<ordered_json>(text);
}

std::string ExactText(const json& value, int indent) {
  return Text(value, indent);
}
std::string ExactText(const ordered_json& value, int indent) {
  return Text(value, indent);
}

bool IsExactNumber(const json& value) {
  return value.is_binary();
}
bool IsNumber(const json& value) {
  return value.is_number() || value.is_binary();
}

std::optional<json> NumberFrom(std::string_view text) {
  const auto digits = PlainDecimal(text);
  if (!digits) return std::nullopt;
  return NumberOf<json>(*digits);
}

const char* KindOf(const json& value) {
  return value.is_binary() ? "number" : value.type_name();
}

bool IsZero(const json& number) {
  if (!number.is_binary()) return number == 0;
  return DigitsOf(number).find_first_of("123456789") == std::string::npos;
}

json SumOf(const json& a, const json& b) {
  if (!IsNumber(b)) return a;
  if (!IsNumber(a)) return b;
  const auto one = PlainDecimal(ExactText(a)), other = PlainDecimal(ExactText(b));
  if (!one || !other) return one ? a : b;  // infinity or NaN, which JSON cannot write
  const std::string sum = SumOfDecimals(*one, *other);
  return NumberOf<json>(sum);
}

json WithPlainNumbers(json value) {
  if (value.is_binary()) return PlainNumber(DigitsOf(value));
  if (value.is_structured()) {
    for (json& part : value) part = WithPlainNumbers(std::move(part));
  }
  return value;
}

}  // namespace membridge::mappings
