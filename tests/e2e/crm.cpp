#include "tests/e2e/crm.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

namespace membridge::e2e {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// What follows `phrase` (in any case, at the start of a word) up to one of `ends`, without blanks around it.
std::optional<std::string> After(const std::string& text, const std::string& phrase, const std::string& ends) {
  const std::string lower = Lower(text);
  std::size_t at = lower.find(phrase);
  while (at != std::string::npos && at > 0 && std::isalnum(static_cast<unsigned char>(lower[at - 1])) != 0)
    at = lower.find(phrase, at + 1);
  if (at == std::string::npos) return std::nullopt;
  std::string rest = text.substr(at + phrase.size());
  rest = rest.substr(0, rest.find_first_of(ends));
  while (!rest.empty() && rest.back() == ' ') rest.pop_back();
  while (!rest.empty() && rest.front() == ' ') rest.erase(0, 1);
  if (rest.empty()) return std::nullopt;
  return rest;
}

std::string TagOf(const std::string& category) {
  std::string tag;
  for (const char c : Lower(category)) {
    const bool kept = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (kept) {
      tag += c;
    } else if (tag.empty() || tag.back() != '-') {
      tag += '-';
    }
  }
  return tag;
}

const std::map<std::string, std::string>& Languages() {
  static const std::map<std::string, std::string> languages{
      {"english", "en"}, {"german", "de"}, {"french", "fr"}, {"spanish", "es"}};
  return languages;
}

bool IsLive(const nlohmann::json& record, Day today) {
  if (const auto replaced = record.find("replaced_by"); replaced != record.end() && !replaced->is_null()) return false;
  if (const auto state = record.find("lifecycle_state"); state != record.end() && state->is_string() && *state != "active")
    return false;
  const auto expires = record.find("expiration_date");
  return expires == record.end() || expires->is_null() || *ParseDay(expires->get<std::string>()) >= today;
}

Instant TimeOf(const nlohmann::json& record) {
  const auto updated = record.find("updated_at");
  const bool has_updated = updated != record.end() && !updated->is_null();
  return *ParseRfc3339((has_updated ? *updated : record.at("created_at")).get<std::string>());
}

/// Later calls win: memories are told oldest first.
void Tell(const nlohmann::json& record, Crm& crm) {
  const std::string user = record.at("user_id");
  const std::string text = record.at("memory");
  Contact& contact = crm.contacts[user];
  if (const auto name = After(text, "name is ", ".,;")) contact.name = *name;
  if (const auto company = After(text, "works at ", ".,;")) contact.company = *company;
  if (const auto language = After(text, "prefers ", " .,;")) {
    if (const auto known = Languages().find(Lower(*language)); known != Languages().end()) contact.language = known->second;
  }
  if (const auto metadata = record.find("metadata"); metadata != record.end() && metadata->is_object()) {
    if (metadata->contains("email")) contact.email = metadata->at("email");
    if (metadata->contains("phone")) contact.phone = metadata->at("phone");
  }
  const auto categories = record.find("categories");
  if (categories == record.end() || categories->is_null()) return;
  for (const std::string category : *categories) {
    crm.tagged.emplace(user, TagOf(category));
    if (category == "support" || category == "complaint") crm.notes[record.at("id")] = {user, text};
  }
}

}  // namespace

Crm ExpectedCrm(const std::vector<nlohmann::json>& records, Day today) {
  std::vector<const nlohmann::json*> live;
  for (const auto& record : records) {
    if (IsLive(record, today) && record.at("user_id").is_string()) live.push_back(&record);
  }
  const auto older = [](const nlohmann::json* a, const nlohmann::json* b) {
    return std::pair{TimeOf(*a), a->at("id").get<std::string>()} < std::pair{TimeOf(*b), b->at("id").get<std::string>()};
  };
  std::sort(live.begin(), live.end(), older);
  Crm crm;
  for (const nlohmann::json* record : live) Tell(*record, crm);
  return crm;
}

Crm ReadCrm(const test::PgDatabase& database) {
  Crm crm;
  const auto contacts = database.Run("SELECT user_ref, name, company, email, phone, preferences->>'language' FROM crm.contacts");
  for (std::size_t i = 0; i < contacts.size(); ++i) {
    const auto text = [&](std::size_t column) { return std::string{contacts.Text(i, column)}; };
    crm.contacts[text(0)] = {text(1), text(2), text(3), text(4), text(5)};
  }
  const auto notes =
      database.Run("SELECT n.memory_ref, c.user_ref, n.body FROM crm.notes n JOIN crm.contacts c ON c.id = n.contact_id");
  for (std::size_t i = 0; i < notes.size(); ++i) {
    crm.notes[std::string{notes.Text(i, 0)}] = {std::string{notes.Text(i, 1)}, std::string{notes.Text(i, 2)}};
  }
  const auto tagged = database.Run(
      "SELECT c.user_ref, t.name FROM crm.contact_tags ct JOIN crm.contacts c ON c.id = ct.contact_id JOIN crm.tags t ON t.id = "
      "ct.tag_id");
  for (std::size_t i = 0; i < tagged.size(); ++i) crm.tagged.emplace(tagged.Text(i, 0), tagged.Text(i, 1));
  return crm;
}

std::vector<std::string> Differences(const Crm& expected, const Crm& actual) {
  std::vector<std::string> found;
  const auto show = [](const Contact& c) {
    return "{" + c.name + " | " + c.company + " | " + c.email + " | " + c.phone + " | " + c.language + "}";
  };
  for (const auto& [user, contact] : expected.contacts) {
    const auto there = actual.contacts.find(user);
    if (there == actual.contacts.end()) {
      found.push_back("contact " + user + " is missing");
    } else if (there->second != contact) {
      found.push_back("contact " + user + " is " + show(there->second) + ", should be " + show(contact));
    }
  }
  for (const auto& [user, contact] : actual.contacts) {
    if (!expected.contacts.contains(user) && contact != Contact{})
      found.push_back("contact " + user + " should be blank, is " + show(contact));
  }
  for (const auto& [id, note] : expected.notes) {
    const auto there = actual.notes.find(id);
    if (there == actual.notes.end()) {
      found.push_back("the note of " + id + " is missing");
    } else if (there->second != note) {
      found.push_back("the note of " + id + " is wrong");
    }
  }
  for (const auto& [id, note] : actual.notes) {
    if (!expected.notes.contains(id)) found.push_back("the note of " + id + " should not be there");
  }
  for (const auto& [user, tag] : expected.tagged) {
    if (!actual.tagged.contains({user, tag})) found.push_back("tag " + tag + " of " + user + " is missing");
  }
  for (const auto& [user, tag] : actual.tagged) {
    if (!expected.tagged.contains({user, tag})) found.push_back("tag " + tag + " of " + user + " should not be there");
  }
  return found;
}

std::string Chatter::Text() {
  static constexpr const char* kNames[] = {"Ada Lovelace", "Grace Hopper", "Bob Stone",
                                           "Núria Solé",   "Jürgen Groß",  "O'Neil Quinn"};
  static constexpr const char* kCompanies[] = {"Initech", "Globex", "Hooli GmbH", "Stark & Sons", "Umbrella", "Wayne \"W\" Ltd"};
  static constexpr const char* kLanguages[] = {"German", "english", "French", "SPANISH", "Klingon"};
  static constexpr const char* kOther[] = {"Likes tea", "The invoice from March is wrong", "Asked for a refund; twice",
                                           "Rücksendung läuft"};
  switch (Below(7)) {
    case 0:
      return std::string{"Name is "} + OneOf(kNames);
    case 1:
      return std::string{"Works at "} + OneOf(kCompanies);
    case 2:
      return std::string{"Prefers "} + OneOf(kLanguages) + " on the phone";
    case 3:
      return std::string{"Works at "} + OneOf(kCompanies) + ", prefers " + OneOf(kLanguages);
    case 4:
      return std::string{"Name is "} + OneOf(kNames) + ". Works at " + OneOf(kCompanies) + ".";
    default:
      return OneOf(kOther);
  }
}

nlohmann::json Chatter::Metadata() {
  nlohmann::json metadata = nlohmann::json::object();
  if (Chance(0.3)) metadata["email"] = "person" + std::to_string(Below(50)) + "@example.test";
  if (Chance(0.3)) metadata["phone"] = "+49151" + std::to_string(20'000'000 + Below(9'999'999));
  if (Chance(0.2)) metadata["source"] = "chat";
  return metadata;
}

std::vector<std::string> Chatter::Categories() {
  static constexpr const char* kLabels[] = {"support", "complaint", "hobbies", "Travel Plans", "food & drink"};
  std::vector<std::string> categories;
  for (const char* label : kLabels) {
    if (Chance(0.3)) categories.emplace_back(label);
  }
  return categories;
}

}  // namespace membridge::e2e
