#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace membridge::sync::mem0 {

/// A parameter of an operation of Mem0's API.
struct ApiParameter {
  enum class Type {
    kText,
    kId,       ///< one segment of a path
    kUuid,     ///< an id of Mem0's that is a UUID
    kWhole,    ///< a whole number from 1 to `most`
    kShare,    ///< a number from 0 to 1
    kFlag,     ///< true or false
    kDay,      ///< `2026-03-01`, or `none`
    kTexts,    ///< a list of texts, at most `most`
    kUuids,    ///< a list of UUIDs, at most `most`
    kObject,   ///< a JSON object
    kObjects,  ///< a list of JSON objects, at most `most`
  };
  /// Where Mem0 expects it.
  enum class Place { kPath, kQuery, kBody, kFilter };

  std::string_view name;
  Type type = Type::kText;
  Place place = Place::kBody;
  std::string_view text;  ///< what it is for
  bool required = false;
  std::vector<std::string_view> choices = {};  ///< the only values that Mem0 takes; empty: any
  int most = 0;                                ///< the largest number, or the longest list; 0: any
  std::string_view sent_as = {};               ///< Mem0's name of it where ours differs
  bool clears = false;                         ///< the word `none` is sent as null
};

/// An operation of Mem0's API that people, scripts and agents may use: `membridge mem0 NOUN VERB`, the admin API's
/// `/mem0/{project}/NOUN[/ID][/VERB]`, a tool of the agents, and the page's actions. They are all made from this table.
struct ApiOperation {
  /// The price of one call.
  enum class Cost {
    kCall,    ///< one request
    kSearch,  ///< a retrieval of the plan's quota
    kAdd,     ///< an addition of the plan's quota; a model reads what is added
    kModel,   ///< a model reads every memory that is meant
  };
  enum class Effect { kReads, kChanges, kDestroys };
  /// What a destroying operation counts before it acts.
  enum class Counted {
    kOne,      ///< one object
    kNamed,    ///< the ids in the parameter `memory_ids`
    kMemories  ///< the memories of the entity, or of the filter, in Mem0's list
  };

  std::string_view noun, verb;
  std::string_view method, path;  ///< of Mem0; parameters of the path as `{name}`
  std::string_view text;          ///< what it does, as a heading
  std::string_view role;          ///< the least role of the admin API that may use it: `viewer`, `operator`, `admin`
  std::vector<ApiParameter> parameters = {};
  Effect effect = Effect::kReads;
  Cost cost = Cost::kCall;
  Counted counted = Counted::kOne;
  bool has_texts = false;                     ///< the answer holds texts that people wrote
  bool is_asynchronous = false;               ///< the answer may hold an `event_id` that `event show` follows
  bool is_the_bridges = false;                ///< the bridge carries it out by its own rules, see admin/webhooks
  std::vector<std::string_view> one_of = {};  ///< at least one of these parameters is needed
  std::vector<std::string_view> about = {};   ///< the memories that it changes are named by these parameters

  bool Destroys() const { return effect == Effect::kDestroys; }
  const ApiParameter* Find(std::string_view parameter) const;
};

/// All operations, by noun, in the order in which they are shown.
const std::vector<ApiOperation>& ApiOperations();
/// Returns the operation `noun verb`; nullptr when there is none.
const ApiOperation* FindApiOperation(std::string_view noun, std::string_view verb);

/// The name of an operation in metrics, messages and the audit: `mem0.memory.delete-many`.
std::string NameOf(const ApiOperation& operation);

}  // namespace membridge::sync::mem0
