#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "mappings/memory.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// Mapping files with slips in them: whatever the slip, there is a mapping, or a problem placed inside the file.
namespace membridge::mappings {
namespace {

constexpr int kRounds = 400;

unsigned Seed() {
  const char* given = std::getenv("MEMBRIDGE_SEED");
  return given != nullptr ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device{}();
}

std::string Text(const std::string& name) {
  std::ifstream file{std::string{MEMBRIDGE_MAPPING_TESTS} + "/examples/" + name + ".yaml"};
  return {std::istreambuf_iterator<char>{file}, {}};
}

class Mutator {
 public:
  explicit Mutator(unsigned seed) : random_(seed) {}

  std::string Mutated(std::string text) {
    for (std::size_t slips = 1 + Below(4); slips > 0 && !text.empty(); --slips) Slip(text);
    return text;
  }

 private:
  std::size_t Below(std::size_t limit) { return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random_); }

  void Slip(std::string& text) {
    constexpr std::string_view kTelling = "$|(){}[]'\",.:-&*!#%@`~?>\\ \n\t09aZ";
    const std::size_t at = Below(text.size());
    switch (Below(5)) {
      case 0:
        text[at] = kTelling[Below(kTelling.size())];
        break;
      case 1:
        text.erase(at, 1 + Below(8));
        break;
      case 2:
        text.insert(at, 1, kTelling[Below(kTelling.size())]);
        break;
      case 3:
        text.insert(at, text.substr(Below(text.size()), Below(60)));
        break;
      default:
        text[at] = static_cast<char>(Below(256));
        break;
    }
  }

  std::mt19937 random_;
};

std::size_t LinesIn(const std::string& text) {
  return 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a slip anywhere in a mapping file is survived and placed", "[property]") {
  const unsigned seed = Seed();
  INFO("MEMBRIDGE_SEED=" << seed);
  Mutator mutator{seed};
  for (const char* name : {"contacts", "customer", "events", "profile", "../../../deploy/mappings/salesforce",
                           "../../../deploy/mappings/attributes", "../../../deploy/mappings/tenants"}) {
    const std::string original = Text(name);
    for (int round = 0; round < kRounds; ++round) {
      const std::string yaml = mutator.Mutated(original);
      Diagnostics problems;
      const auto mapping = LoadMapping("crm.yaml", yaml, {}, problems);
      bool placed = mapping.has_value() != problems.HasErrors();
      for (const Diagnostic& one : problems.Sorted()) {
        placed = placed && one.place.line >= 1 && one.place.line <= LinesIn(yaml) && one.place.column >= 1;
      }
      if (placed) continue;
      CAPTURE(yaml);
      for (const Diagnostic& one : problems.Sorted()) UNSCOPED_INFO(one.Text());
      FAIL("a problem without a place inside the file, or neither problem nor mapping");
    }
  }
}

TEST_CASE("a mapping that survived its slips evaluates", "[property]") {
  const unsigned seed = Seed();
  INFO("MEMBRIDGE_SEED=" << seed);
  Mutator mutator{seed};
  const auto memory = ReadMemory({{"id", "m1"},
                                  {"user_id", "user-ada"},
                                  {"memory", "Name is Augusta King. Works at Initech, prefers German"},
                                  {"categories", {"support", "Food & Drinks"}},
                                  {"metadata", {{"email", "Bob <Bob@Example.test>"}, {"phone", "030 123456"}}},
                                  {"created_at", "2026-08-01T00:00:00Z"}});
  REQUIRE(memory);
  const std::string original = Text("contacts");
  int evaluated = 0;
  for (int round = 0; round < kRounds; ++round) {
    Diagnostics problems;
    const auto mapping = LoadMapping("crm.yaml", mutator.Mutated(original), {}, problems);
    if (!mapping) continue;
    Scope scope;
    scope.Set("memory", &memory->record);
    scope.Set("vars", &mapping->vars);
    for (const Row& row : mapping->rows) {
      for (const auto& item : ItemsOf(row, scope)) {
        Scope inner{&scope};
        inner.Set("item", &item);
        if (const auto intent = Intend(row, inner)) static_cast<void>(test::AsJson(intent->set).dump());
        ++evaluated;
      }
    }
  }
  CHECK(evaluated > 0);
}

}  // namespace membridge::mappings
