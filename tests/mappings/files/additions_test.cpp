#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// What a file says about soft deletes, identities, times, cases and names of Mem0's fields, by the text a user reads.
namespace membridge::mappings {
namespace {

using Lines = std::vector<std::string>;
using test::ProblemsOf;

/// A mapping of one row on the table t, whose further body is given, each line indented by four; the body starts on line 4.
Lines OnTable(const std::string& body, const std::string& head = "") {
  return ProblemsOf(head + "rows:\n  one:\n    table: t\n" + body);
}

/// The problem of one value in `set`, on line 5 at column 13.
Lines InCell(const std::string& value) {
  return OnTable("    set:\n      cell: " + value + "\n");
}

const std::string kForms =
    "\"live\" is the soft-delete column: deleted_at (null is live), active (true is live), \"!isdeleted\" (false or null is "
    "live), "
    "or {column: state, is: 0}";

}  // namespace

TEST_CASE("shapes of live that say nothing, or the opposite of what was meant", "[loader][live]") {
  const auto [body, problem] = GENERATE_COPY(table<std::string, std::string>({
      {"    live: $row.gone\n", "5:11: error: " + kForms},
      {"    live: \"!\"\n", "5:11: error: " + kForms},
      {"    live: ''\n", "5:11: error: " + kForms},
      {"    live: !isdeleted\n",
       "5:11: error: !isdeleted without quotes is a YAML tag, and tags have no meaning here; quote it: \"!isdeleted\""},
      {"    live: {column: gone}\n",
       "5:11: error: \"live\" needs a column and the value of a row that is alive: {column: deleteat, is: 0}"},
      {"    live: {is: 0}\n",
       "5:11: error: \"live\" needs a column and the value of a row that is alive: {column: deleteat, is: 0}"},
      {"    live: {column: gone, is: [0]}\n", "5:30: error: \"is\" takes one constant: the value of a row that is alive"},
      {"    live: {column: gone, is: $vars.a}\n", "5:30: error: \"is\" takes one constant: the value of a row that is alive"},
      {"    live: {column: gone, is: 0, gon: 1}\n", "5:33: error: unknown keyword of \"live\" \"gon\"; did you mean \"gone\"?"},
      {"    live: {column: gone, is: 0, gone: 0}\n    gone: delete\n",
       "5:39: error: \"gone\" and \"is\" are the same, 0: a deleted row would be alive"},
      {"    live: {column: gone, is: null, gone: null}\n    gone: delete\n",
       "5:42: error: \"gone\" and \"is\" are the same, null: a deleted row would be alive"},
      {"    live: {column: gone, is: 0, gone: [1]}\n    gone: delete\n",
       "5:39: error: \"gone\" takes one value: what marks a row as deleted"},
      {"    live: {column: gone, is: 0, gone: $memory.text}\n    gone: delete\n",
       "5:40: error: the mark of a deleted row holds for every memory, so only now and vars are known here"},
      {"    live: {column: gone, is: 0}\n    gone: delete\n",
       "5:5: error: \"gone: delete\" marks the row here: say with what, as in {column: gone, is: 0, gone: ...}"},
      {"    live: {column: gone, is: 0, gone: 1}\n",
       "5:5: error: \"gone\" inside \"live\" has no effect without \"gone: delete\""},
  }));
  CAPTURE(body);
  const auto problems = OnTable("    set: {a: b}\n" + body, "vars: {a: 1}\n");
  REQUIRE(problems.size() == 1);
  // The head of one line and the first line of the body push what is meant by one each.
  CHECK(problems[0] == "crm.yaml:" + std::to_string(std::stoi(problem) + 1) + problem.substr(1));
}

TEST_CASE("a soft-delete column that the row itself writes", "[loader][live]") {
  CHECK(OnTable("    set: {deleted_at: null}\n    live: deleted_at\n    gone: delete\n") ==
        Lines{"crm.yaml:4:11: error: deleted_at belongs to \"live\", which writes it"});
}

TEST_CASE("a column that others move is not written, and one such column is enough", "[loader][changed]") {
  CHECK(OnTable("    set: {a: b}\n    changed: $now\n") ==
        Lines{"crm.yaml:5:14: error: \"changed\" is the name of a column that others move when they change the row"});
  CHECK(OnTable("    set: {a: b}\n    changed: [moved]\n") ==
        Lines{"crm.yaml:5:14: error: \"changed\" is the name of a column that others move when they change the row"});
  for (const char* const keyword : {"set", "force", "new", "touch"}) {
    CAPTURE(keyword);
    CHECK(OnTable(std::string{"    key: {a: b}\n    "} + keyword + ": {moved: 2026-01-01}\n    changed: moved\n") ==
          Lines{"crm.yaml:5:" + std::to_string(8 + std::string{keyword}.size()) +
                ": error: moved is said to be moved by others (\"changed\"); it is not written"});
  }
  CHECK(OnTable("    set: {a: b}\n    touch: {moved: $now}\n    changed: other\n") ==
        Lines{"crm.yaml:6:5: error: moved under \"touch\" tells later human edits already; give one of the two"});
}

TEST_CASE("an identity is a list of different columns", "[loader][identity]") {
  CHECK(OnTable("    set: {a: b}\n    identity: a\n") ==
        Lines{"crm.yaml:5:15: error: \"identity\" is a list of columns, as in [user_id, role_id], not text"});
  CHECK(OnTable("    set: {a: b}\n    identity: []\n") == Lines{"crm.yaml:5:15: error: \"identity\" needs at least one column"});
  CHECK(OnTable("    set: {a: b}\n    identity: [a, a]\n") == Lines{"crm.yaml:5:19: error: a stands twice in \"identity\""});
  CHECK(OnTable("    set: {a: b}\n    identity: [$memory.id]\n") ==
        Lines{"crm.yaml:5:16: error: \"identity\" takes names of columns"});
}

TEST_CASE("a row that is made with its cells needs cells that memories fill", "[loader][create]") {
  CHECK(OnTable("    set: {a: b}\n    create: maybe\n") ==
        Lines{"crm.yaml:5:13: error: \"create\" is true, false or with_cells"});
  const auto* const set = GENERATE("    set: {a: b, c: null}\n", "    set: {a: $vars.a}\n", "    set: {a: $now}\n",
                                   "    set: {a: $row.b}\n", "    new: {a: $memory.text}\n");
  CAPTURE(set);
  CHECK(OnTable(std::string{"    key: {id: $memory.id}\n"} + set + "    create: with_cells\n", "vars: {a: 1}\n") ==
        Lines{"crm.yaml:7:5: error: \"create: with_cells\" makes a row when a cell of \"set\" or \"force\" has a value, and none "
              "here can: constants and what is made of $row do not count"});
}

TEST_CASE("zones and units of time are known when the file is read", "[loader][times]") {
  CHECK(InCell("$memory.updated_at | at('Europe/Berln')") ==
        Lines{"crm.yaml:5:37: error: there is no time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?; write one as in "
              "'Europe/Berlin'"});
  CHECK(InCell("$memory.updated_at | at") == Lines{"crm.yaml:5:34: error: at takes 1 argument, given 0"});
  CHECK(InCell("$memory.metadata.n | time('min')") ==
        Lines{"crm.yaml:5:39: error: time reads seconds, or milliseconds with 'ms'"});
  CHECK(InCell("$memory.updated_at | epoch('ms')") == Lines{"crm.yaml:5:34: error: epoch takes no argument, given 1"});
  CHECK(OnTable("    set: {a: b}\n", "session: {timezone: Europe/Berln}\n") ==
        Lines{"crm.yaml:1:21: error: there is no time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?; write one as in "
              "Europe/Berlin"});
  CHECK(OnTable("    set: {a: b}\n", "session: {timezone: ''}\n") ==
        Lines{"crm.yaml:1:21: error: \"timezone\" has no value; write it as in Europe/Berlin"});
  CHECK(OnTable("    set: {a: b}\n", "session: {work_mem: 1MB}\n") ==
        Lines{"crm.yaml:1:11: error: \"work_mem\" is no setting of a session; use search_path, role, timezone, or a name with a "
              "dot"});
  CHECK(OnTable("    set: {a: b}\n", "session: [a]\n") ==
        Lines{"crm.yaml:1:10: error: \"session\" is a map of settings, not a list"});
}

TEST_CASE("text with holes that takes functions says where it is broken", "[loader]") {
  CHECK(InCell("'$\"${memory.id}:x\" | uuid5(''a'')'") == Lines{});
  CHECK(InCell("'$\"${memory.id | uuid5'") == Lines{"crm.yaml:5:16: error: this hole is not closed by \"}\""});
  CHECK(InCell("'$\"${memory.id}'") == Lines{"crm.yaml:5:15: error: this text is not closed by a double quote"});
  CHECK(InCell("'$\"a\"\"b${memory.text}\" | lower'") == Lines{});
  CHECK(InCell("$'text' | upper") == Lines{});
  CHECK(InCell("'$memory.metadata.\"plan.tier'") == Lines{"crm.yaml:5:31: error: this key is not closed by a double quote"});
  CHECK(InCell("$memory.text | or(\"x\")") == Lines{"crm.yaml:5:31: error: write text in single quotes here: 'like this'"});
}

TEST_CASE("delimiters that elements are made of are no delimiters", "[loader]") {
  const auto* const cell = GENERATE("tags[0]", "tags[a]", "tags[*]", "tags[;*,]", "tags[\"]", "attrs.tags[;]");
  CAPTURE(cell);
  CHECK(OnTable(std::string{"    set:\n      '"} + cell + "': $memory.categories\n") ==
        Lines{std::string{"crm.yaml:5:7: error: \""} + cell +
              "\" is no cell; write column, column.path, column[], (one, two), or in a key lower(column)"});
}

TEST_CASE("what is false for everybody else is told, with the form to paste", "[loader][yes]") {
  const auto warning = [](const std::string& cell, const std::string& function, const std::string& fix) {
    return cell + " is false by \"" + function +
           "\" for every memory that does not say it, and the newest counts; so that those say nothing write " + fix;
  };
  const std::string row = "    key: {handle: $memory.user_id}\n    set:\n";
  CHECK(OnTable(row + "      vip: $memory.categories | has('vip')\n") ==
        Lines{"crm.yaml:6:33: warning: " + warning("vip", "has", "vip: $memory.categories | has('vip') | yes")});
  CHECK(OnTable(row + "      vip: $memory.metadata.tier | is('gold')\n") ==
        Lines{"crm.yaml:6:36: warning: " + warning("vip", "is", "vip: $memory.metadata.tier | is('gold') | yes")});
  CHECK(OnTable(row + "      calls: $memory.metadata.quiet | not\n") ==
        Lines{"crm.yaml:6:39: warning: " + warning("calls", "not", "calls: $memory.metadata.quiet | not | yes")});
  CHECK(OnTable(row + "      (a, b): [$memory.text | has('x'), 1]\n") ==
        Lines{"crm.yaml:6:31: warning: " + warning("(a, b)", "has", "... | yes")});
  // Said of one memory alone, or not for everybody: no warning.
  CHECK(OnTable(row + "      vip: $memory.categories | has('vip') | yes\n") == Lines{});
  CHECK(OnTable("    key: {id: $memory.id}\n    set:\n      vip: $memory.categories | has('vip')\n") == Lines{});
  CHECK(OnTable("    set:\n      vip: $memory.categories | has('vip')\n") == Lines{});
  CHECK(OnTable("    key: {handle: $memory.user_id}\n    new:\n      vip: $memory.categories | has('vip')\n") == Lines{});
}

TEST_CASE("a path that no memory has is told, with the word that was meant", "[loader][N6]") {
  const auto [path, problem] = GENERATE(table<std::string, std::string>({
      {"$memory.metadta.company", "14: error: memory has no \"metadta\"; did you mean \"metadata\"?"},
      {"$memory.userid", "14: error: memory has no \"userid\"; did you mean \"user_id\"?"},
      {"$memory.\"metadta\".x", "14: error: memory has no \"metadta\"; did you mean \"metadata\"?"},
      {"$memory['user id']", "14: error: memory has no \"user id\"; did you mean \"user_id\"?"},
      {"$memory.zzzzzzzz", "14: error: memory has no \"zzzzzzzz\""},
      {"$memory.text.first", "14: error: memory.text is a single value; there is nothing below it"},
      {"$memory.user_id[0]", "14: error: memory.user_id is a single value; there is nothing below it"},
      {"$memory.categories.vip",
       "14: error: memory.categories is a list and has no \"vip\"; write memory.categories[0], or ask \"| has('vip')\""},
      {"$memory.structured_attributes.yaer", "14: error: memory.structured_attributes has no \"yaer\"; did you mean \"year\"?"},
      {"$memory.metadata.a | or(memory.metadta)", "37: error: memory has no \"metadta\"; did you mean \"metadata\"?"},
      {"\"x ${memory.metadta.a}\"", "18: error: memory has no \"metadta\"; did you mean \"metadata\"?"},
      {"$memory.categories[0].name", "14: error: an element of memory.categories is a single value; there is nothing below it"},
      {"$now.year", "14: error: now is a single value; there is nothing below it"},
      {"$vars.tenant.id", "14: error: vars.tenant is a single value; there is nothing below it"},
      {"$itm.key", "14: error: unknown name \"itm\""},
      {"$memry.text", "14: error: unknown name \"memry\"; did you mean \"memory\"?"},
      {"$vars.tenannt", "14: error: no variable \"tenannt\"; did you mean \"tenant\"?"},
      {"$export.user_id", "14: error: \"export\" is known under \"from: export\" only"},
      {"$event.type", "14: error: \"event\" is known under \"from: event\" only"},
      {"$item", "14: error: \"item\" is known in a row with \"each\" only"},
  }));
  CAPTURE(path);
  CHECK(OnTable("    set:\n      cell: " + path + "\n", "vars: {tenant: 1}\n") == Lines{"crm.yaml:6:" + problem});
}

TEST_CASE("what stands in metadata is the application's own", "[loader][N6]") {
  const auto* const path =
      GENERATE("$memory.metadata.anything.below.it", "$memory.metadata.\"a.b\"", "$memory.metadata['x y'][0]", "$memory.metadata",
               "$memory.categories[0]", "$memory.structured_attributes.year", "$memory.run_id", "$memory.expiration_date");
  CAPTURE(path);
  CHECK(InCell(std::string{"'"} + [&] {
          std::string text{path};
          for (std::size_t at = text.find('\''); at != std::string::npos; at = text.find('\'', at + 2)) text.insert(at, 1, '\'');
          return text;
        }() + "'") == Lines{});
}

TEST_CASE("of an element it is known what it is where its list tells", "[loader][N6]") {
  const auto of_item = [](const std::string& each, const std::string& value) {
    return OnTable("    each: " + each + "\n    key: {id: $memory.id}\n    set:\n      cell: " + value + "\n",
                   "vars: {a: [{b: 1}], c: {d: 1}}\n");
  };
  CHECK(of_item("$memory.metadata | entries", "$item.kye") ==
        Lines{"crm.yaml:8:14: error: an entry has no \"kye\"; did you mean \"key\"?"});
  CHECK(of_item("$memory.categories", "$item.name") ==
        Lines{"crm.yaml:8:14: error: item is a single value; there is nothing below it"});
  CHECK(of_item("$memory.text | split(',') | unique", "$item.name") ==
        Lines{"crm.yaml:8:14: error: item is a single value; there is nothing below it"});
  CHECK(of_item("$memory.metadata | entries", "$item.value.anything") == Lines{});
  CHECK(of_item("$memory.metadata.orders", "$item.anything") == Lines{});
  CHECK(of_item("$memory.categories | map(m)", "$item") != Lines{});
  CHECK(of_item("$vars.a", "$item.b") == Lines{});
  CHECK(of_item("$vars.c | entries", "$vars.c.d") == Lines{});
  // The nearest list counts, and rows nested below know it, too.
  CHECK(OnTable("    each: $memory.metadata | entries\n    key: {id: $item.key}\n    rows:\n      two: {table: u, key: {x: "
                "$item.kye}}\n"
                "      three: {table: u, each: $item.value, key: {x: $item.kye}}\n") ==
        Lines{"crm.yaml:7:33: error: an entry has no \"kye\"; did you mean \"key\"?"});
}

TEST_CASE("events and exports have known fields, too", "[loader][N6]") {
  const std::string key = "    key: {id: $event.id}\n    set: {cell: ";
  CHECK(OnTable(key + "$event.tipe}\n", "from: event\n") ==
        Lines{"crm.yaml:6:18: error: an event has no \"tipe\"; did you mean \"type\"?"});
  CHECK(OnTable(key + "$event.time.day}\n", "from: event\n") ==
        Lines{"crm.yaml:6:18: error: event.time is a single value; there is nothing below it"});
  CHECK(OnTable(key + "$event.memory.metadta}\n", "from: event\n") ==
        Lines{"crm.yaml:6:18: error: memory has no \"metadta\"; did you mean \"metadata\"?"});
  CHECK(OnTable(key + "$memory.metadta}\n", "from: event\n") ==
        Lines{"crm.yaml:6:18: error: memory has no \"metadta\"; did you mean \"metadata\"?"});
  CHECK(OnTable("    set: {cell: $export.nam, other: $export.name}\n", "from: export\nask: {name: The name}\n") ==
        Lines{"crm.yaml:6:18: error: \"nam\" is not asked for under \"ask\"; did you mean \"name\"?"});
  CHECK(OnTable("    set: {cell: $export.user_id.x, other: $export.name.first}\n", "from: export\nask: {name: The name}\n") ==
        Lines{"crm.yaml:6:18: error: export.user_id is a single value; there is nothing below it"});
  CHECK(OnTable("    set: {cell: $memory.text, other: $export.name}\n", "from: export\nask: {name: The name}\n") ==
        Lines{"crm.yaml:6:18: error: \"memory\" is not known under \"from: export\"; use \"export\""});
}

TEST_CASE("a case that mixes dated and undated records is warned of", "[loader][T17]") {
  const std::string rows = "rows: {one: {table: t, key: {a: $memory.user_id}}}\ntests:\n  a case:\n";
  const std::string warning =
      "warning: this memory has no time and others of the case have one: it counts as newer, from the moment the case runs; give "
      "it \"updated_at\", or leave all times out";
  CHECK(ProblemsOf(rows + "    - memory: {id: m1, updated_at: 2026-01-01T00:00:00Z}\n    - memory: {id: m2}\n") ==
        Lines{"crm.yaml:5:7: " + warning});
  CHECK(ProblemsOf(rows + "    - memory: {id: m2}\n    - parks: {memory: {id: m1, created_at: 2026-01-01T00:00:00Z}}\n") ==
        Lines{"crm.yaml:4:7: " + warning});
  CHECK(ProblemsOf(rows + "    - memory: {id: m1}\n    - memory: {id: m2}\n    - delete: m1\n") == Lines{});
  CHECK(ProblemsOf(rows + "    - memory: {id: m1, updated_at: 2026-01-01T00:00:00Z}\n    - delete: m1\n") == Lines{});
  CHECK(ProblemsOf("from: export\nask: {name: The name}\nrows: {one: {table: t, key: {a: $export.name}}}\ntests:\n  a case:\n"
                   "    - export: {name: Ada, completed_at: 2026-01-01T00:00:00Z}\n    - export: {name: Eve}\n") ==
        Lines{"crm.yaml:7:7: warning: this export has no time and others of the case have one: it counts as newer, from the "
              "moment the case runs; give it \"completed_at\", or leave all times out"});
}

TEST_CASE("steps of a case take what they say", "[loader]") {
  const std::string head = "rows: {one: {table: t, key: {a: $memory.user_id}}}\ntests:\n  a case:\n    - ";
  const auto [step, problem] = GENERATE(table<std::string, std::string>({
      {"memory\n", "4:7: error: a step is a map, as in - memory: {...}, not text"},
      {"delete: [m1]\n", "4:15: error: \"delete\" takes the id of a memory, not a list"},
      {"parks: m1\n", "4:14: error: \"parks\" is written as {memory: {...}, because: text}, not text"},
      {"then: t\n", "4:13: error: \"then\" takes rows by table, or [] for untouched, not text"},
      {"then: {t: {a: 1}}\n", "4:17: error: a table takes a list of rows, or [] for untouched, not a map"},
      {"person_deletes: t\n", "4:23: error: \"person_deletes\" takes rows by table, not text"},
      {"person_delets: {t: {}}\n", "4:7: error: unknown step \"person_delets\"; did you mean \"person_deletes\"?"},
  }));
  CAPTURE(step);
  CHECK(ProblemsOf(head + step) == Lines{"crm.yaml:" + problem});
}

TEST_CASE("every character that YAML reads inside braces is named, with the quoted form to paste", "[loader]") {
  const auto hint = [](const std::string& value) {
    return "inside { } YAML itself reads ? : , [ ] { } # & * ! | > ' \" % @; quote the value: a: " + value;
  };
  const auto problems = [](const std::string& value) { return OnTable("    set: {a: " + value + "}\n"); };
  const auto mentions = [&](const std::string& value, const std::string& quoted) {
    std::string all;
    for (const std::string& line : problems(value)) all += line + "\n";
    CAPTURE(value, all);
    CHECK(all.find(hint(quoted)) != std::string::npos);
  };
  mentions("$memory.text | or('a, b')", "\"$memory.text | or('a, b')\"");
  mentions("$memory.text | capture('[A-Z]+')", "\"$memory.text | capture('[A-Z]+')\"");
  mentions("$memory.text | capture('x{2}')", "\"$memory.text | capture('x{2}')\"");
  mentions("$memory.text | capture('(a) #(b)')", "\"$memory.text | capture('(a) #(b)')\"");
  mentions("@$memory.text", "\"@$memory.text\"");
  mentions("%$memory.text", "\"%$memory.text\"");
  mentions("*$memory.text", "\"*$memory.text\"");
  mentions("${memory.text}, ${memory.id}", "\"${memory.text}, ${memory.id}\"");
}

}  // namespace membridge::mappings
