#include "sync/inbox/announcement.hpp"

#include <algorithm>

#include "mappings/base/digest.hpp"

namespace membridge::sync {
namespace {

constexpr std::size_t kHashDigits = 32;

std::string HashOf(std::string_view what) {
  return mappings::Sha256Hex(what).substr(0, kHashDigits);
}

}  // namespace

std::string HashOfText(std::string_view text) {
  return HashOf("text\n" + std::string{text});
}

std::string HashOfLabels(std::vector<std::string> labels) {
  std::sort(labels.begin(), labels.end());
  std::string all{"labels"};
  for (const std::string& label : labels) all += "\n" + label;
  return HashOf(all);
}

bool Shows(const nlohmann::json& record, std::string_view told) {
  const auto space = told.find(' ');
  if (space == std::string_view::npos) return false;
  const std::string_view hash = told.substr(space + 1);
  if (!told.starts_with("CATEGORIZE ")) {
    const auto text = record.find("text");
    return text != record.end() && text->is_string() && HashOfText(text->get_ref<const std::string&>()) == hash;
  }
  const auto categories = record.find("categories");
  if (categories == record.end() || !categories->is_array()) return false;
  std::vector<std::string> labels;
  for (const auto& label : *categories) {
    if (!label.is_string()) return false;
    labels.push_back(label.get<std::string>());
  }
  return HashOfLabels(std::move(labels)) == hash;
}

}  // namespace membridge::sync
