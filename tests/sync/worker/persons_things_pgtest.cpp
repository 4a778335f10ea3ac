// The first law: a person's row or cell is never deleted or overwritten, whatever befalls the tables and the databases.

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "sync/erase/erasure.hpp"
#include "sync/queue/reproject.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/server_program.hpp"
#include "tests/sync/targets/backup.hpp"
#include "tests/sync/worker/neighbours.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;

/// A whole database as pg_dump keeps it. Restored, its tables are others than before, under the same names.
class Dump {
 public:
  explicit Dump(const PgDatabase& database) : database_(database) {
    char name[] = "/tmp/membridge-dump-XXXXXX";
    close(mkstemp(name));
    path_ = name;
    RunServerProgram("pg_dump", {"--file", path_.string(), "--dbname", database_.Dsn()});
  }
  ~Dump() { std::filesystem::remove(path_); }
  Dump(const Dump&) = delete;
  Dump& operator=(const Dump&) = delete;

  void Restore() const {
    database_.RunScript("DROP SCHEMA membridge CASCADE; DROP SCHEMA public CASCADE");
    std::ifstream file{path_};
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    if (text.find("CREATE SCHEMA public;") == std::string::npos) database_.RunScript("CREATE SCHEMA public");
    RunServerProgram("psql",
                     {"--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "--file", path_.string(), "--dbname", database_.Dsn()});
  }

 private:
  const PgDatabase& database_;
  std::filesystem::path path_;
};

/// One history: memories change, neighbours act, backups come back, and workers work in between.
class Life {
 public:
  explicit Life(std::uint64_t seed)
      : dice(seed), shop("", {}, Workshop::Tables::kElsewhere), neighbours(shop.Target(), dice), mapping_(neighbours.Mapping()) {
    shop.Remap({{"people.yaml", mapping_}});
    shop.look_at_tables = [this] { Follow(); };
  }

  void ChangeMemories() {
    for (int i = 1 + dice.Below(3); i > 0; --i) {
      const int what = dice.Below(10);
      if (what < 4 || memories_.empty()) {
        const std::string user = "u" + std::to_string(dice.Below(4));
        Tell("ADD", memories_.emplace_back(shop.sim.Add(user, Text(), Metadata(), Topics(), false)));
        story += "memory of " + user + "\n";
        continue;
      }
      const auto place = static_cast<std::size_t>(dice.Below(static_cast<int>(memories_.size())));
      if (what < 8) {
        shop.sim.Edit(memories_[place], {{"text", Text()}, {"metadata", Metadata()}, {"categories", Topics()}}, false);
        Tell("UPDATE", memories_[place]);
        story += "memory changed\n";
      } else {
        Delete(place);
      }
    }
  }

  void DeleteAllMemories() {
    while (!memories_.empty()) Delete(memories_.size() - 1);
  }

  void NeighboursAct() {
    for (int i = 1 + dice.Below(3); i > 0; --i) story += neighbours.Act();
  }

  void BackUpOrRestore() {
    switch (dice.Below(4)) {
      case 0:
        dump_.emplace(shop.Target());
        story += "target backed up\n";
        break;
      case 1:
        backup_.emplace(shop.db, "backup_" + std::to_string(++backups_));
        story += "state backed up\n";
        break;
      case 2:
        if (!dump_) break;
        dump_->Restore();
        story += "target restored\n";
        break;
      default:
        if (!backup_) break;
        backup_->Restore();
        story += "state restored\n";
    }
  }

  /// A state that was restored behind a later takeover stops until somebody says so.
  void AdoptWhatIsRefused() {
    auto state = shop.db.Session();
    auto there = shop.Target().Session();
    sync::LedgerTie tie{state, there, "default"};
    if (tie.Look().standing != sync::LedgerLook::Standing::kForeign) return;
    REQUIRE(tie.Adopt());
    story += "target adopted\n";
  }

  /// The mapping is edited for the tables as they are. Where `check` refuses that, the one before stays in force.
  void EditMapping() {
    const std::string edited = neighbours.Mapping();
    if (edited == mapping_) return;
    mapping_ = edited;
    story += "mapping edited\n";
    if (!Follow()) return;
    auto session = shop.db.Session();
    sync::MarkMirror(session, kCrm);
  }

  void Work() {
    if (dice.OneIn(2))
      shop.db.RunScript("UPDATE membridge.parked SET next_try_at = statement_timestamp() WHERE next_try_at < 'infinity'");
    if (dice.OneIn(4)) {
      static_cast<void>(shop.NewWorker()->RunOnce());
    } else {
      shop.Work();
    }
    story += "worked\n";
  }

  void EraseEverybody() {
    for (int user = 0; user < 4; ++user) {
      const std::string name = "u" + std::to_string(user);
      const auto receipt =
          sync::Erasure(shop.db.Dsn(), {{"default", shop.Target().Dsn(), {}}}, kCrm, name).Run(SystemClock{}.Now());
      if (!receipt) throw std::runtime_error(receipt.error().message);
    }
    story += "erased\n";
  }

  Dice dice;
  Workshop shop;
  Neighbours neighbours;
  std::string story;

 private:
  bool Follow() {
    try {
      shop.Remap({{"people.yaml", mapping_}});
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  }

  void Tell(const std::string& what, const std::string& memory) {
    if (!dice.OneIn(6)) shop.Deliver(what, memory);
  }

  void Delete(std::size_t place) {
    shop.sim.Delete(memories_[place], false);
    Tell("DELETE", memories_[place]);
    memories_.erase(memories_.begin() + static_cast<std::ptrdiff_t>(place));
    story += "memory deleted\n";
  }

  std::string Text() { return "text " + std::to_string(dice.Below(1000)); }

  json Metadata() {
    json metadata = json::object();
    if (dice.OneIn(2)) metadata["city"] = "city " + std::to_string(dice.Below(3));
    if (dice.OneIn(2)) metadata["note"] = "note " + std::to_string(dice.Below(3));
    if (dice.OneIn(2)) metadata["score"] = dice.Below(5);
    if (dice.OneIn(2)) metadata["tier"] = "tier " + std::to_string(dice.Below(3));
    if (dice.OneIn(2)) metadata["tags"] = {"tag " + std::to_string(dice.Below(3)), "tag " + std::to_string(dice.Below(3))};
    if (dice.OneIn(3)) metadata["remark"] = true;
    return metadata;
  }

  std::vector<std::string> Topics() {
    std::vector<std::string> topics;
    for (int i = dice.Below(3); i > 0; --i) topics.push_back("topic " + std::to_string(dice.Below(3)));
    return topics;
  }

  std::string mapping_;
  std::vector<std::string> memories_;
  std::optional<Dump> dump_;
  std::optional<Backup> backup_;
  int backups_ = 0;
};

}  // namespace

TEST_CASE("a person's row or cell is never deleted or overwritten, whatever befalls the tables",
          "[worker][pg][law][property][T9]") {
  const std::uint64_t seed = Dice::Seed();
  for (int round = 0; round < Dice::Rounds("MEMBRIDGE_TEST_HISTORIES", 6); ++round) {
    Life life{seed + static_cast<std::uint64_t>(round)};
    const auto holds = [&](const std::function<void()>& work) {
      const json before = life.neighbours.Theirs();
      INFO("MEMBRIDGE_TEST_HISTORIES=1 MEMBRIDGE_TEST_SEED=" << seed + static_cast<std::uint64_t>(round));
      try {
        work();
      } catch (const std::exception& failure) {
        FAIL(failure.what() << "\n" << life.story);
      }
      const std::string broken = Neighbours::Broken(before, life.neighbours.Theirs());
      if (!broken.empty()) FAIL(life.story << broken);
    };
    for (int step = 6 + life.dice.Below(8); step > 0; --step) {
      if (!life.dice.OneIn(4)) life.ChangeMemories();
      if (!life.dice.OneIn(3)) life.NeighboursAct();
      if (life.dice.OneIn(5)) life.BackUpOrRestore();
      if (life.dice.OneIn(5)) life.AdoptWhatIsRefused();
      if (!life.dice.OneIn(4)) life.EditMapping();
      holds([&] { life.Work(); });
    }
    life.AdoptWhatIsRefused();
    life.DeleteAllMemories();
    holds([&] { life.Work(); });
    holds([&] { life.EraseEverybody(); });
  }
}

}  // namespace membridge::test
