#include "tests/mem0_sim/store.hpp"

#include "tests/support/catch.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

struct World {
  SimClock clock;
  Dice dice{7};
  Store store{clock, dice};

  Uuid Add(const std::string& user, const std::string& text = "a fact") {
    NewMemory memory;
    memory.text = text;
    memory.owners[0] = user;
    return store.Add(std::move(memory)).id;
  }
  std::vector<std::string> Texts(const Query& query, std::optional<Store::Moment> moment = {}) {
    std::vector<std::string> texts;
    for (const Slot slot : store.Select(query, moment)) texts.push_back(*store.At(slot, moment)->text);
    return texts;
  }
};

Query AskingStore(const char* filter) {
  return {*Filter::Parse(Json::parse(filter)), filter};
}

const char* const kEveryone = R"({"OR":[{"user_id":"*"},{"agent_id":"*"}]})";
const char* const kAda = R"({"user_id":"ada"})";

Edit WithText(const std::string& text) {
  Edit edit;
  edit.text = text;
  return edit;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("the same seed gives the same ids", "[mem0_sim][store]") {
  World one;
  World two;
  CHECK(one.Add("ada") == two.Add("ada"));
  CHECK(Uuid::Parse(one.Add("ada").Text()) == two.Add("ada"));
}

TEST_CASE("every change has a later updated_at; categories alone need not touch it", "[mem0_sim][store]") {
  World world;
  const Uuid id = world.Add("ada");
  const Instant created = world.store.Find(id)->updated_at;
  const Instant changed = world.store.Change(id, WithText("another"))->updated_at;
  CHECK(changed > created);
  CHECK(world.store.Find(id)->created_at == created);
  Edit labels;
  labels.categories = std::vector<std::string>{"x"};
  labels.touches_updated_at = false;
  CHECK(world.store.Change(id, labels)->updated_at == changed);
}

TEST_CASE("a deleted memory is gone from reads and lists but not from history", "[mem0_sim][store]") {
  World world;
  const Uuid id = world.Add("ada", "first");
  world.Add("bob", "other");
  world.store.Change(id, WithText("second"));
  CHECK(world.store.Delete(id));
  CHECK_FALSE(world.store.Delete(id));
  CHECK(world.store.Change(id, WithText("third")) == nullptr);
  CHECK(world.store.Find(id) == nullptr);
  CHECK(world.Texts(AskingStore(kEveryone)) == Texts{"other"});
  CHECK(world.Texts(AskingStore(kAda)).empty());
  CHECK(world.store.Size() == 1);

  const auto history = world.store.HistoryOf(id);
  REQUIRE(history.size() == 3);
  CHECK(history[0]->event == HistoryEvent::kAdd);
  CHECK(history[0]->old_text == nullptr);
  CHECK(*history[1]->old_text == "first");
  CHECK(*history[1]->new_text == "second");
  CHECK(history[2]->event == HistoryEvent::kDelete);
  CHECK(history[2]->new_text == nullptr);
  CHECK(world.store.History().size() == 4);
}

TEST_CASE("a memory leaves the lists the day after it expires, and show_expired brings it back", "[mem0_sim][store]") {
  World world;
  const Uuid id = world.Add("ada");
  Edit edit;
  edit.expires_on = world.clock.Today();
  world.store.Change(id, edit);
  CHECK(world.Texts(AskingStore(kEveryone)).size() == 1);
  world.clock.Advance(std::chrono::days{1});
  CHECK(world.Texts(AskingStore(kEveryone)).empty());
  CHECK(world.Texts(AskingStore(kAda)).empty());
  Query query = AskingStore(kEveryone);
  query.show_expired = true;
  CHECK(world.Texts(query).size() == 1);
  CHECK(world.store.Find(id) != nullptr);
}

TEST_CASE("a merged memory is hidden, a superseded one only from latest_only", "[mem0_sim][store]") {
  World world;
  const Uuid merged = world.Add("ada", "merged");
  const Uuid old = world.Add("ada", "old");
  const Uuid fresh = world.Add("ada", "fresh");
  Edit edit;
  edit.merged = true;
  world.store.Change(merged, edit);
  Edit superseded;
  superseded.replaced_by = fresh;
  world.store.Change(old, superseded);
  CHECK(world.Texts(AskingStore(kEveryone)) == Texts{"old", "fresh"});
  Query query = AskingStore(kEveryone);
  query.include_merged = true;
  CHECK(world.Texts(query) == Texts{"merged", "old", "fresh"});
  query.latest_only = true;
  CHECK(world.Texts(query) == Texts{"fresh"});
}

TEST_CASE("a remembered result follows every later change", "[mem0_sim][store]") {
  World world;
  const Uuid first = world.Add("ada", "tea");
  world.Add("bob", "coffee");
  const Query query = AskingStore(R"({"AND":[{"user_id":"*"},{"keywords":{"contains":"tea"}}]})");
  CHECK(world.Texts(query) == Texts{"tea"});
  const Uuid third = world.Add("cleo", "green tea");
  CHECK(world.Texts(query) == Texts{"tea", "green tea"});
  world.store.Change(first, WithText("water"));
  CHECK(world.Texts(query) == Texts{"green tea"});
  world.store.Change(first, WithText("black tea"));
  world.store.Delete(third);
  CHECK(world.Texts(query) == Texts{"black tea"});
}

TEST_CASE("a read from a moment ago sees what was then, in every way of reading", "[mem0_sim][store]") {
  World world;
  world.store.RememberFor(std::chrono::hours{1});
  const Uuid changed = world.Add("ada", "old");
  const Uuid deleted = world.Add("ada", "deleted");
  const auto then = std::chrono::steady_clock::now();
  world.store.Change(changed, WithText("new"));
  world.store.Change(changed, WithText("newest"));
  world.store.Delete(deleted);
  const Uuid added = world.Add("ada", "added");

  CHECK(*world.store.Find(changed, then)->text == "old");
  CHECK(world.store.Find(deleted, then) != nullptr);
  CHECK(world.store.Find(added, then) == nullptr);
  const std::string by_id =
      R"({"memory_ids":[")" + changed.Text() + R"(",")" + deleted.Text() + R"(",")" + added.Text() + R"("]})";
  for (const char* filter : {kEveryone, kAda, by_id.c_str(), R"({"AND":[{"user_id":"*"},{"keywords":{"contains":"e"}}]})"}) {
    CAPTURE(filter);
    CHECK(world.Texts(AskingStore(filter), then) ==
          (std::string{filter}.find("keywords") == std::string::npos ? Texts{"old", "deleted"} : Texts{"deleted"}));
    CHECK(world.Texts(AskingStore(filter)) == Texts{"newest", "added"});
  }
}

TEST_CASE("nothing is remembered when reads do not lag", "[mem0_sim][store]") {
  World world;
  const Uuid id = world.Add("ada", "old");
  const auto then = std::chrono::steady_clock::now();
  world.store.Change(id, WithText("new"));
  CHECK(*world.store.Find(id, then)->text == "new");
}

TEST_CASE("an entity is listed until it is forgotten, and starts anew afterwards", "[mem0_sim][store]") {
  World world;
  const Uuid id = world.Add("ada");
  const Entity* ada = world.store.FindEntity(EntityType::kUser, "ada");
  REQUIRE(ada != nullptr);
  CHECK(world.store.LiveMemoriesOf(*ada) == 1);
  world.store.Delete(id);
  CHECK(world.store.LiveMemoriesOf(*ada) == 0);
  world.store.ForgetEntity(EntityType::kUser, "ada");
  CHECK(world.store.IsForgotten(*ada));
  world.Add("ada");
  CHECK(world.store.FindEntity(EntityType::kUser, "ada")->number != ada->number);
}

TEST_CASE("a record is written as Mem0 writes it", "[mem0_sim][store]") {
  Entity ada{EntityType::kUser, "ada \"the\" first", 1, {}, {}, {}};
  Entity run{EntityType::kRun, "session-9", 2, {}, {}, {}};
  Memory memory;
  memory.id = *Uuid::Parse("11111111-1111-4111-8111-111111111110");
  memory.text = std::make_shared<const std::string>("line\none\twith \\ and \x01 and ü");
  memory.owners[0] = &ada;
  memory.owners[3] = &run;
  memory.created_at = *ParseRfc3339("2024-12-30T02:03:04Z");
  memory.updated_at = *ParseRfc3339("2026-07-01T00:00:00.500000Z");
  memory.expires_on = ParseDay("2026-12-31");
  const Json single = RecordOf(memory, RecordShape::kSingle);
  CHECK(single["memory"] == "line\none\twith \\ and \x01 and ü");
  CHECK(single["user_id"] == "ada \"the\" first");
  CHECK(single["agent_id"].is_null());
  CHECK(single["session_id"] == "session-9");
  CHECK(single["metadata"].is_null());
  CHECK(single["categories"].is_null());
  CHECK(single["created_at"] == "2024-12-29T18:03:04-08:00");
  CHECK(single["updated_at"] == "2026-06-30T17:00:00.500000-07:00");
  CHECK(single["expiration_date"] == "2026-12-31");
  CHECK(single["structured_attributes"] ==
        Json::parse(R"({"year":2024,"month":12,"day":30,"hour":2,"minute":3,"day_of_week":"monday",
      "week_of_year":1,"day_of_year":365,"quarter":4,"is_weekend":false})"));
  CHECK(single["lifecycle_state"] == "active");
  memory.id.bytes[15] = 1;
  const Json listed = RecordOf(memory, RecordShape::kListed);
  CHECK(listed["created_at"] == "2024-12-30T02:03:04Z");
  CHECK_FALSE(listed.contains("lifecycle_state"));
  const Json found = RecordOf(memory, RecordShape::kFound);
  CHECK(found["run_id"] == "session-9");
  CHECK_FALSE(found.contains("session_id"));
}

}  // namespace membridge::mem0_sim
