#include "mappings/files/loader.hpp"

#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// Every problem a mapping file can have, by the text a user reads.
namespace membridge::mappings {
namespace {

using Lines = std::vector<std::string>;
using test::ProblemsOf;

/// A mapping of one row, whose body is given, each line indented by four; the body starts on line 4.
Lines OfRow(const std::string& body, const std::string& head = "from: memory\n") {
  return ProblemsOf(head + "rows:\n  one:\n" + body);
}

/// The problem of one value in `set`, on line 6 at column 13.
Lines OfValue(const std::string& value) {
  return OfRow("    table: t\n    set:\n      cell: " + value + "\n");
}

}  // namespace

TEST_CASE("a slip in a keyword is named, with the word that was meant", "[loader]") {
  CHECK(ProblemsOf("vars: {account: 1}\nrows:\n  contact:\n    key: {id: 1}\n    set: {name: x}\n    tabel: contacts\n") ==
        Lines{"crm.yaml:3:3: error: row \"contact\" needs a \"table\"",
              "crm.yaml:6:5: error: unknown row keyword \"tabel\"; did you mean \"table\"?"});
  CHECK(ProblemsOf("form: memory\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:1:1: error: unknown keyword \"form\"; did you mean \"from\"?"});
  CHECK(ProblemsOf("zzzzzz: 1\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:1:1: error: unknown keyword \"zzzzzz\""});
}

TEST_CASE("problems in names are placed inside the value", "[loader]") {
  CHECK(ProblemsOf(R"(from: memory
vars: {account: 1}
rows:
  contact:
    table: contacts
    set: {name: x}
    key: {account_id: $vars.acount, identifier: memory.user_id}
)") == Lines{"crm.yaml:7:24: error: no variable \"acount\"; did you mean \"account\"?",
             "crm.yaml:7:49: error: \"memory.user_id\" is text here; did you mean \"$memory.user_id\"?"});
  CHECK(OfValue("$persn.id") == Lines{"crm.yaml:6:14: error: unknown name \"persn\""});
  CHECK(ProblemsOf(
            "rows:\n  person:\n    table: p\n    key: {id: 1}\n  note:\n    table: n\n    set:\n      person_id: $persn.id\n") ==
        Lines{"crm.yaml:8:19: error: unknown name \"persn\"; did you mean \"person\"?"});
}

TEST_CASE("problems in pipes are placed inside the pipe", "[loader]") {
  CHECK(
      OfRow(
          "    table: contacts\n    key: {account_id: 1, phone_number: $memory.metadata.phone | lower | trim | fone('+49')}\n") ==
      Lines{"crm.yaml:5:80: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("$memory.text | or") == Lines{"crm.yaml:6:28: error: or takes 1 argument, given 0"});
  CHECK(OfValue("$memory.text | lower(1)") == Lines{"crm.yaml:6:28: error: lower takes no argument, given 1"});
  CHECK(OfValue("$memory.text | has") == Lines{"crm.yaml:6:28: error: has takes at least 1 argument, given 0"});
  CHECK(OfValue("$memory.text | truncate(1, 2)") == Lines{"crm.yaml:6:28: error: truncate takes at most 1 argument, given 2"});
  CHECK(OfValue("$memory.text | replace('a')") == Lines{"crm.yaml:6:28: error: replace takes 2 arguments, given 1"});
  CHECK(OfValue("$memory.text | capture('(\\w+') | fone") ==
        Lines{"crm.yaml:6:36: error: capture: missing ): (\\w+",
              "crm.yaml:6:46: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("$memory.text | capture('\\C')") == Lines{"crm.yaml:6:36: error: capture: \\C would cut characters in half"});
  CHECK(OfValue("$memory.text | capture(memory.id)") ==
        Lines{"crm.yaml:6:36: error: capture: the pattern must be written out, in single quotes"});
  CHECK(OfValue("$memory.text | replace('(a)', '\\2')") ==
        Lines{"crm.yaml:6:43: error: replace: Rewrite schema requests 2 matches, but the regexp only has 1 parenthesized "
              "subexpressions."});
  CHECK(OfValue("$memory.text | truncate(0)") == Lines{"crm.yaml:6:37: error: truncate takes a number of characters, 1 or more"});
}

TEST_CASE("places inside quotes count escapes and folded lines", "[loader]") {
  CHECK(OfValue("\"$memory.text | fone\"") == Lines{"crm.yaml:6:29: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("'$memory.text | or(''x'') | fone'") ==
        Lines{"crm.yaml:6:41: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("\"$memory.text | or('\\u00e4\\t\\\"') | fone\"") ==
        Lines{"crm.yaml:6:48: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("$memory.text\n        | lower\n        | fone") ==
        Lines{"crm.yaml:8:11: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("|-\n        $memory.text\n        | fone") ==
        Lines{"crm.yaml:8:11: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("\"https://${memory.id | fone}/x\"") ==
        Lines{"crm.yaml:6:36: error: unknown function \"fone\"; did you mean \"phone\"?"});
  CHECK(OfValue("&anchor $memory.text | fone") ==
        Lines{"crm.yaml:6:36: error: unknown function \"fone\"; did you mean \"phone\"?"});
}

TEST_CASE("what is no expression says where it stops being one", "[loader]") {
  const auto [value, column, message] = GENERATE(table<std::string, int, std::string>({
      {"$", 13, "a name is missing after \"$\""},
      {"$ ", 13, "a name is missing after \"$\""},
      {"$memory.", 21, "a name is missing after the dot"},
      {"$memory | ", 22, "a function is missing after \"|\""},
      {"$memory.text |", 27, "a function is missing after \"|\""},
      {"$memory.text || lower", 27, "a function is missing after \"|\""},
      {"$memory.text lower", 26, "unexpected \"lower\" here"},
      {"$(memory.text", 14, "this parenthesis is not closed"},
      {"$memory.text | or('x'", 30, "this parenthesis is not closed"},
      {"$memory.text | or('x)", 31, "this text is not closed by a single quote"},
      {"$memory.text | or(\"x\")", 31, "write text in single quotes here: 'like this'"},
      {"$memory.text | or($vars.x)", 31, "\"$\" only starts a value; leave it out here"},
      {"$memory.text | or()", 28, "or takes 1 argument, given 0"},
      {"$memory.text | or(1,)", 33, "a value is missing here"},
      {"$memory.text | or(1x)", 31, "\"1x\" is not a number"},
      {"$memory[x]", 21, "brackets hold a position, as in [0], or a key, as in ['first name']"},
      {"$memory[0", 20, "this bracket is not closed"},
      {"$memory.text)", 25, "unexpected \")\" here"},
      {"\"${memory.text\"", 27, "\"}\" is missing"},
      {"\"${}\"", 16, "a value is missing here"},
  }));
  CAPTURE(value);
  CHECK(OfValue(value) == Lines{"crm.yaml:6:" + std::to_string(column) + ": error: " + message});
}

TEST_CASE("deep nesting is refused, not followed", "[loader]") {
  const std::string open(100000, '(');
  CHECK(OfValue("$" + open.substr(0, 5000)) == Lines{"crm.yaml:6:47: error: parentheses are nested deeper than 32"});
  CHECK(OfValue("'$" + open + "'") == Lines{"crm.yaml:6:13: error: longer than 8 KiB"});
  std::string arguments = "$memory";
  for (int i = 0; i < 40; ++i) arguments += " | or(memory";
  CHECK(OfValue(arguments).size() == 1);
  CHECK(OfValue(std::string(100000, '[')) == Lines{"crm.yaml:6:35: error: nested deeper than 48 levels"});
  std::string dashes = "rows:\n  ";
  for (int i = 0; i < 10000; ++i) dashes += "- ";
  CHECK(ProblemsOf(dashes + "x\n").size() == 1);
  std::string maps;
  for (std::size_t i = 0; i < 1000; ++i) maps += std::string(i, ' ') + "a:\n";
  CHECK(ProblemsOf(maps) == Lines{"crm.yaml:49:49: error: nested deeper than 48 levels"});
}

TEST_CASE("names mean something only where they can", "[loader]") {
  CHECK(OfRow("    table: t\n    set: {a: $export.x}\n") ==
        Lines{"crm.yaml:5:15: error: \"export\" is known under \"from: export\" only"});
  CHECK(OfRow("    table: t\n    set: {a: $event.id}\n") ==
        Lines{"crm.yaml:5:15: error: \"event\" is known under \"from: event\" only"});
  CHECK(OfRow("    table: t\n    set: {a: $item}\n") ==
        Lines{"crm.yaml:5:15: error: \"item\" is known in a row with \"each\" only"});
  CHECK(OfRow("    table: t\n    key: {a: $row.b}\n") ==
        Lines{"crm.yaml:5:15: error: \"row\" is known in \"set\", \"force\", \"new\" and \"touch\" only"});
  CHECK(OfRow("    table: t\n    set: {a: $one.b}\n") ==
        Lines{"crm.yaml:5:15: error: row \"one\" uses itself; write $row for the row being written"});
  CHECK(OfRow("    table: t\n    set: {a: $event.tme}\n", "from: event\n") ==
        Lines{"crm.yaml:5:15: error: an event has no \"tme\"; did you mean \"time\"?"});
  CHECK(OfRow("    table: t\n    set: {a: $memory.x, b: $export.nam}\n", "from: export\nask: {name: n}\n") ==
        Lines{"crm.yaml:2:7: error: \"name\" is asked for, but no row uses it; write $export.name in one",
              "crm.yaml:6:15: error: \"memory\" is not known under \"from: export\"; use \"export\"",
              "crm.yaml:6:29: error: \"nam\" is not asked for under \"ask\"; did you mean \"name\"?"});
}

TEST_CASE("settings of the session come from variables only", "[loader]") {
  CHECK(ProblemsOf("session: {app.tenant: $memory.user_id, work_mem: 1GB}\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:1:24: error: a setting holds for the whole transaction; only vars are known here",
              "crm.yaml:1:40: error: \"work_mem\" is no setting of a session; use search_path, role, timezone, or a name with a "
              "dot"});
}

TEST_CASE("a when or each that is text is refused", "[loader]") {
  CHECK(ProblemsOf("when: memory.user_id\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:1:7: error: \"memory.user_id\" is text here; did you mean \"$memory.user_id\"?"});
  CHECK(ProblemsOf("when: [$memory.id, always]\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:1:20: error: \"always\" is text here; an expression starts with \"$\""});
  CHECK(OfRow("    table: t\n    each: [a]\n    set: {a: $item}\n") ==
        Lines{"crm.yaml:5:11: error: an expression belongs here, not a list"});
}

TEST_CASE("what a row may not combine", "[loader]") {
  const auto [body, problem] = GENERATE(table<std::string, std::string>({
      {"    table: t\n    create: false\n    set: {a: b}\n",
       "5:5: error: a row without a \"key\" cannot be found, so it must be created"},
      {"    table: t\n    create: false\n    key: {a: b}\n    new: {c: d}\n",
       "7:5: error: \"new\" has no effect on a row that is never created; remove it or \"create: false\""},
      {"    table: t\n    create: false\n    key: {a: b}\n    gone: delete\n",
       "7:5: error: \"gone: delete\" has no effect on a row that is never created"},
      {"    table: t\n    key: {a: b}\n    gone: keep\n",
       "6:11: error: \"gone\" can only be delete; leave it out and the row stays"},
      {"    table: t\n    key: {a: b}\n    create: maybe\n", "6:13: error: \"create\" is true, false or with_cells"},
      {"    table: t\n    key: {a: b}\n    add: {c: 1}\n", "6:5: error: \"add\" counts events; it needs \"from: event\""},
      {"    table: t\n    set: {a: b}\n    history: {from: x, to: y}\n",
       "6:5: error: \"history\" needs a \"key\": versions of what?"},
      {"    table: t\n    key: {a: b}\n    history: {from: x}\n",
       "6:14: error: \"history\" needs two columns: {from: valid_from, to: valid_to}"},
      {"    table: t\n    key: {a: b}\n    set: {x: 1}\n    history: {from: x, to: y}\n",
       "6:11: error: x belongs to \"history\", which writes it"},
      {"    table: t\n", "3:3: error: row \"one\" says nothing: give it a \"key\", \"set\", \"force\" or \"new\""},
      {"    table: a.b.c\n    set: {a: b}\n", "4:12: error: a table is written as name or schema.name"},
      {"    table: t\n    key: {}\n",
       "5:10: error: a key without columns finds nothing; leave \"key\" out for a row of the memory's own"},
      {"    table: t\n    key: []\n",
       "5:10: error: a list of keys needs at least one; leave \"key\" out for a row of the memory's own"},
      {"    table: t\n    key: a\n", "5:10: error: a key is a map of columns, not text"},
      {"    table: t\n    key: {a: [b, c]}\n", "5:14: error: a key column takes one value, not a list"},
      {"    table: t\n    key: {'a[]': b}\n", "5:11: error: a[] cannot be part of a key"},
      {"    table: t\n    key: {'(a, b)': [c, d]}\n", "5:11: error: (a, b) cannot be part of a key"},
      {"    table: t\n    set: [a]\n", "5:10: error: \"set\" is a map of columns, not a list"},
      {"    table: t\n    set: {lower(a): b}\n", "5:11: error: lower(column) is for keys only; pipe the value through lower"},
      {"    table: t\n    set: {a: b}\n    force: {a: c}\n", "6:13: error: a is written twice in this row, also on line 5"},
      {"    table: t\n    set: {a: {x: y}}\n    force: {a.b: c}\n", "6:13: error: a.b overlaps a on line 5"},
      {"    table: t\n    set: {a: b, '(a, c)': [1, 2]}\n", "5:17: error: (a, c) overlaps a on line 5"},
      {"    table: t\n    set: {a: b}\n    touch: {a: $now}\n", "5:11: error: a is written twice in this row, also on line 6"},
      {"    table: t\n    key: {a: b}\n    new: {a: c}\n", "6:11: error: a is written twice in this row, also on line 5"},
      {"    table: t\n    set: {a: b}\n    touch: {c.d: $now}\n", "6:13: error: \"touch\" takes whole columns, not c.d"},
      {"    table: t\n    set: {'(a, b)': c}\n", "5:21: error: a group of columns takes a list of values, one for each"},
      {"    table: t\n    set: {'(a, b)': [c]}\n", "5:21: error: the group has 2 columns, the list 1 values"},
      {"    table: t\n    set: {'(a, a)': [b, c]}\n", "5:11: error: a stands twice in the group"},
      {"    table: t\n    set: {a..b: c}\n",
       "5:11: error: \"a..b\" is no cell; write column, column.path, column[], (one, two), or in a key lower(column)"},
      {"    table: t\n    set: {a: {b: $memory.id}}\n",
       "5:14: error: an expression inside a map is not read; name its cell on the left, as in attrs.plan: $..."},
      {"    table: t\n    set:\n      a:\n", "7:1: error: a value is missing; write null to claim that the cell is empty"},
      {"    table: t\n    set: {a: b}\n    live: [c]\n",
       "6:11: error: \"live\" is the soft-delete column: deleted_at (null is live), active (true is live), \"!isdeleted\" (false "
       "or null "
       "is live), or {column: state, is: 0}"},
      {"    table: t\n    set: {a: b}\n    live: !gone\n",
       "6:11: error: !gone without quotes is a YAML tag, and tags have no meaning here; quote it: \"!gone\""},
      {"    table: t\n    set: {a: $memory.metadta.company}\n",
       "5:15: error: memory has no \"metadta\"; did you mean \"metadata\"?"},
      {"    table: t\n    set: {a: b}\n    rows: [c]\n", "6:11: error: rows are a map by name, not a list"},
      {"    table: t\n    set: {a: b}\n    when: $memory.text | is('a'\n", "6:28: error: this parenthesis is not closed"},
  }));
  CAPTURE(body);
  CHECK(OfRow(body) == Lines{"crm.yaml:" + problem});
}

TEST_CASE("events are for ever", "[loader]") {
  CHECK(OfRow("    table: t\n    key: {a: $event.id}\n    gone: delete\n", "from: event\n") ==
        Lines{"crm.yaml:6:5: error: \"gone: delete\" has no effect under \"from: event\": events are kept for ever"});
}

TEST_CASE("row names must tell rows apart", "[loader]") {
  CHECK(ProblemsOf("rows:\n  a:\n    table: t\n    key: {x: 1}\n    rows:\n      a: {table: t, set: {x: 1}}\n") ==
        Lines{"crm.yaml:6:7: error: another row is named \"a\", on line 2"});
  CHECK(ProblemsOf("rows:\n  memory: {table: t, set: {x: 1}}\n  2nd: {table: t, set: {x: 1}}\n") ==
        Lines{"crm.yaml:2:3: error: \"memory\" has a meaning of its own; name the row differently",
              "crm.yaml:3:3: error: \"2nd\" is no name: letters, digits and _, not a digit first"});
}

TEST_CASE("rows that need each other", "[loader]") {
  CHECK(ProblemsOf("rows:\n  a: {table: t, key: {x: $c.id}}\n  b: {table: t, key: {x: $a.id}}\n  c: {table: t, key: {x: $b.id}}\n"
                   "  d: {table: t, key: {x: $a.id}}\n") ==
        Lines{"crm.yaml:2:3: error: rows need each other in a circle: a → c → b → a"});
}

TEST_CASE("a row that exists many times cannot be used from outside", "[loader]") {
  CHECK(ProblemsOf("rows:\n  tag:\n    table: t\n    each: $memory.categories\n    key: {x: $item}\n  note:\n    table: n\n    "
                   "set: {tag: $tag.id}\n") ==
        Lines{"crm.yaml:8:17: error: row \"tag\" exists once per element of \"each\"; nest \"note\" below \"tag\" to use it"});
}

TEST_CASE("the file as a whole", "[loader]") {
  CHECK(ProblemsOf("") == Lines{"crm.yaml:1:1: error: a mapping is a map with \"rows\", not nothing"});
  CHECK(ProblemsOf("- a\n") == Lines{"crm.yaml:1:1: error: a mapping is a map with \"rows\", not a list"});
  CHECK(ProblemsOf("from: memory\n") == Lines{"crm.yaml:1:1: error: a mapping needs \"rows\""});
  CHECK(ProblemsOf("from: memroy\nrows: {}\n") ==
        Lines{"crm.yaml:1:7: error: \"from\" is memory, export or event; did you mean \"memory\"?",
              "crm.yaml:2:7: error: \"rows\" has no row"});
  CHECK(ProblemsOf("rows: {one: {table: t, set: {a: b}}}\n---\nrows: {}\n") ==
        Lines{"crm.yaml:2:1: error: one mapping per file: a second document starts here"});
  CHECK(ProblemsOf("from: memory\nfrom: event\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:2:1: error: \"from\" is given twice; the first is on line 1"});
  CHECK(ProblemsOf("? [a]\n: b\n") == Lines{"crm.yaml:1:3: error: a key must be text, not a list"});
  CHECK(ProblemsOf("rows: !!map {one: 1}\n") ==
        Lines{"crm.yaml:1:7: error: tags such as tag:yaml.org,2002:map have no meaning here"});
  CHECK(ProblemsOf("a: \"\x01\"\n") == Lines{"crm.yaml:1:5: error: this byte is not text in UTF-8; save the file as UTF-8"});
  CHECK(ProblemsOf("a: b\nc: \xff\n") == Lines{"crm.yaml:2:4: error: this byte is not text in UTF-8; save the file as UTF-8"});
  CHECK(ProblemsOf(std::string(2 << 20, 'a')) == Lines{"crm.yaml: error: the file is larger than 1024 KiB"});
}

TEST_CASE("a YAML error inside braces says what cannot be guessed from it", "[loader]") {
  CHECK(
      OfRow("    table: t\n    set: {name: $memory.text | capture('([A-Z][\\w ]+)')}\n") ==
      Lines{
          "crm.yaml:5:42: error: YAML: end of map flow not found; inside { } YAML itself reads ? : , [ ] { } # & * ! | > ' \" % "
          "@; quote the value: name: '$memory.text | capture(''([A-Z][\\w ]+)'')'"});
  CHECK(
      OfRow("    table: t\n    set: {name: $memory.text | or('a, b')}\n") ==
      Lines{
          "crm.yaml:5:35: error: this text is not closed by a single quote: inside { } YAML itself reads ? : , [ ] { } # & * ! | "
          "> ' "
          "\" % @; quote the value: name: \"$memory.text | or('a, b')\"",
          "crm.yaml:5:39: error: \"b')\" is no cell; write column, column.path, column[], (one, two), or in a key lower(column)",
          "crm.yaml:5:42: error: a value is missing; write null to claim that the cell is empty"});
  CHECK(ProblemsOf("rows:\n  one: x: y\n") == Lines{"crm.yaml:2:9: error: YAML: illegal map value"});
}

TEST_CASE("aliases are followed, but not into the billions", "[loader]") {
  const Mapping mapping =
      test::Loaded("rows:\n  a: {table: t, set: &cells {x: $memory.text, y: 1}}\n  b: {table: u, set: *cells}\n");
  CHECK(mapping.rows[1].set.size() == 2);
  std::string laughs = "vars:\n  a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'j'; ++c) {
    laughs += std::string{"  "} + c + ": &" + c + " [";
    for (int i = 0; i < 10; ++i) laughs += std::string{i == 0 ? "*" : ", *"} + static_cast<char>(c - 1);
    laughs += "]\n";
  }
  CHECK(ProblemsOf(laughs + "rows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:6:38: error: more than 100000 entries, aliases included"});
  CHECK(ProblemsOf("a: &a [*a]\n") == Lines{"crm.yaml:1:8: error: this alias is inside the value that it names"});
}

TEST_CASE("variables can be set from outside when the file declares them", "[loader]") {
  const std::string yaml = "vars: {account: 1, zip: 01067, version: 1.10}\nrows: {one: {table: t, set: {a: $vars.account}}}\n";
  CHECK(test::Loaded(yaml).vars == nlohmann::json{{"account", 1}, {"zip", "01067"}, {"version", "1.10"}});
  CHECK(test::Loaded(yaml, {{"account", "2"}}).vars["account"] == 2);
  CHECK(ProblemsOf(yaml, {{"acount", "2"}}) ==
        Lines{"crm.yaml: error: no variable \"acount\" to set from outside; did you mean \"account\"?"});
}

TEST_CASE("tables of a lookup must be there", "[loader]") {
  CHECK(ProblemsOf(
            "maps: {language: {en: English}}\nrows:\n  one:\n    table: t\n    set:\n      a: $memory.text | map(langauge)\n") ==
        Lines{"crm.yaml:6:29: error: no table \"langauge\" under \"maps\"; did you mean \"language\"?"});
}

TEST_CASE("what export mappings need", "[loader]") {
  CHECK(ProblemsOf("from: export\nrows: {one: {table: t, key: {a: $export.user_id}}}\n") ==
        Lines{"crm.yaml:1:1: error: \"from: export\" needs \"ask\", a map of the fields to ask for"});
  CHECK(ProblemsOf("ask: {name: n}\nrows: {one: {table: t, set: {a: b}}}\n") ==
        Lines{"crm.yaml:1:6: error: \"ask\" needs \"from: export\": other memories are not asked"});
  CHECK(ProblemsOf("from: export\nask: {name: {type: strng}}\nrows: {one: {table: t, set: {a: $export.name}}}\n") ==
        Lines{"crm.yaml:2:20: error: unknown type \"strng\"; did you mean \"string\"?"});
}

TEST_CASE("places that take one kind of value refuse the others", "[loader]") {
  const std::string row = "rows: {one: {table: t, set: {a: b}}}\n";
  const auto [yaml, problem] = GENERATE_COPY(table<std::string, std::string>({
      {"vars: {a: $memory.id}\n" + row, "crm.yaml:1:11: error: a variable is a constant; expressions belong into rows"},
      {"session: {role: [a]}\n" + row, "crm.yaml:1:17: error: a setting is text, not a list"},
      {"tests: [a]\n" + row, "crm.yaml:1:8: error: tests are a map of cases by name, not a list"},
      {"from: export\nask: {a: [b]}\nrows: {one: {table: t, set: {a: $export.a}}}\n",
       "crm.yaml:2:10: error: a field takes its description, or {description: ..., type: ...}"},
      {"from: export\nask: {a: {description: [b]}}\nrows: {one: {table: t, set: {a: $export.a}}}\n",
       "crm.yaml:2:24: error: text belongs here, not a list"},
      {"rows: {one: {table: t, set: {a: [[$memory.id]]}}}\n",
       "crm.yaml:1:34: error: an expression deep inside a value is not read; give it a cell of its own"},
      {"rows: {one: {table: t, set: {a: \"x\\0\"}}}\n", "crm.yaml:1:33: error: a NUL character cannot be stored in PostgreSQL"},
  }));
  CAPTURE(yaml);
  CHECK(ProblemsOf(yaml) == Lines{problem});
}

TEST_CASE("cases under tests have known steps", "[loader]") {
  const std::string rows = "rows: {one: {table: t, set: {a: b}}}\n";
  CHECK(ProblemsOf(rows + "tests:\n  a case:\n    - memroy: {id: m}\n    - then: {t: [gone]}\n    - {delete: a, then: []}\n") ==
        Lines{"crm.yaml:4:7: error: unknown step \"memroy\"; did you mean \"memory\"?",
              "crm.yaml:5:18: error: a row is a map of columns, or the word deleted",
              "crm.yaml:6:7: error: a step has one keyword; start each with its own \"-\""});
  const Mapping mapping = test::Loaded(rows +
                                       "tests:\n  a case:\n    - memory: {id: 5, user_id: 7, metadata: {age: 5, zip: 01067}}\n"
                                       "    - delete: 5\n    - then: {t: [{a: null, b: 1.50}, deleted]}\n    - then: []\n");
  REQUIRE(mapping.tests.size() == 1);
  CHECK(mapping.tests[0].name == "a case");
  CHECK(mapping.tests[0].steps[0].body ==
        nlohmann::json{{"id", "5"}, {"user_id", "7"}, {"metadata", {{"age", 5}, {"zip", "01067"}}}});
  CHECK(mapping.tests[0].steps[1].body == "5");
  CHECK(mapping.tests[0].steps[2].body == nlohmann::json{{"t", {{{"a", nullptr}, {"b", "1.50"}}, "deleted"}}});
  CHECK(mapping.tests[0].steps[3].body == nlohmann::json::object());
  CHECK(mapping.tests[0].steps[3].kind == TestStep::Kind::kThen);
}

TEST_CASE("a scalar is what it looks like, and only null is special", "[loader]") {
  const Mapping mapping = test::Loaded(
      "rows:\n  one:\n    table: t\n    set:\n      a: NO\n      b: 1.10\n      c: 01067\n      d: null\n      e: 'null'\n      "
      "f: ~\n      g: Null\n"
      "      h: $$5\n      i: 'memory.user_id'\n      j: {x: 5, y: '5', z: 1.10}\n");
  Scope scope;
  const auto intent = Intend(mapping.rows[0], scope);
  REQUIRE(intent);
  CHECK(test::AsJson(intent->set) == nlohmann::json{{"a", "NO"},
                                                    {"b", "1.10"},
                                                    {"c", "01067"},
                                                    {"d", nullptr},
                                                    {"e", "null"},
                                                    {"f", "~"},
                                                    {"g", "Null"},
                                                    {"h", "$5"},
                                                    {"i", "memory.user_id"},
                                                    {"j", {{"x", 5}, {"y", "5"}, {"z", "1.10"}}}});
}

TEST_CASE("the digest moves with what decides rows, and with nothing else", "[loader]") {
  const std::string yaml = "vars: {a: 1}\nrows:\n  one:\n    table: t\n    set: {x: 1, y: $vars.a}\n";
  const std::string digest = test::Loaded(yaml).digest;
  CHECK(digest.size() == 64);
  CHECK(test::Loaded("# a comment\nvars:\n  a: 1\nfrom: memory\nrows:\n  one:\n    set:\n      y: $vars.a\n      x: 1\n    "
                     "table: t\ntests: {}\n")
            .digest == digest);
  CHECK(test::Loaded(yaml, {{"a", "1"}}).digest == digest);
  CHECK(test::Loaded(yaml, {{"a", "2"}}).digest != digest);
  CHECK(test::Loaded("vars: {a: 1}\nrows:\n  one:\n    table: t\n    set: {x: '1', y: $vars.a}\n").digest != digest);
}

TEST_CASE("a file that cannot be read is a problem like others", "[loader]") {
  const std::string file = GENERATE("/nowhere/crm.yaml", "/");
  Diagnostics problems;
  CHECK_FALSE(LoadMappingFile(file, {}, problems));
  REQUIRE(problems.Sorted().size() == 1);
  CHECK(problems.Sorted()[0].Text() == file + ": error: this file cannot be read; check its path and permissions");
}

}  // namespace membridge::mappings
