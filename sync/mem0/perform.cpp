// Carrying out operations of the table.
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "sync/mem0/answer.hpp"
#include "sync/mem0/api_requests.hpp"
#include "sync/mem0/client.hpp"
#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Memories and what people wrote may come back in Mem0's messages about a fault of its own.
Subject SubjectOf(const ApiOperation& operation) {
  return operation.has_texts || operation.effect != ApiOperation::Effect::kReads ? Subject::kMemories : Subject::kAccount;
}

}  // namespace

Result<ordered_json> Client::Perform(const ApiOperation& operation, const json& arguments) {
  Account own;
  if (NeedsAccount(operation, arguments)) {
    auto account = Ping();
    if (!account) return tl::unexpected<Error>(account.error());
    own = std::move(*account);
  }
  ApiRequest made = RequestFor(operation, arguments, own);
  const std::string name = NameOf(operation);
  Request request{.name = name, .method = operation.method, .path = std::move(made.path), .subject = SubjectOf(operation)};
  if (!made.body.is_null()) request.body = std::move(made.body);
  request.creates = operation.effect == ApiOperation::Effect::kChanges && operation.method == "POST";
  request.may_be_forbidden = true;
  request.is_mem0s = [](const Answer& answer) { return answer.body.empty() || ParseJson(answer.body).has_value(); };
  const auto answer = wire_->Call(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  if (answer->body.empty()) return ordered_json::object();
  return mappings::ParseExactInOrder(answer->body);
}

Result<Meant> Client::CountMeant(const ApiOperation& operation, const json& arguments) {
  using Counted = ApiOperation::Counted;
  if (operation.counted == Counted::kNamed) return Meant{MemoriesIn(operation, arguments).size(), "memories"};
  if (operation.counted == Counted::kOne) return Meant{1, operation.noun};
  if (operation.noun == "project") {
    const auto own = Ping();
    if (!own) return tl::unexpected<Error>(own.error());
    const std::string named = arguments.value("project_id", std::string{kOwn});
    // The memories of other projects cannot be listed with this key.
    if (named != kOwn && named != own->project_id) return Meant{1, "project"};
  }
  const ApiOperation* list = FindApiOperation("memory", "list");
  const auto page = Perform(*list, {{"filters", FilterOf(operation, arguments)},
                                    {"page", 1},
                                    {"page_size", 1},
                                    {"show_expired", true},
                                    {"include_merged", true}});
  if (!page) return tl::unexpected<Error>(page.error());
  if (!page->is_object() || !page->contains("count") || !(*page)["count"].is_number_unsigned())
    return Fail(ErrorCode::kUnavailable, NameOf(operation) + ": Mem0 does not say how many memories are meant");
  return Meant{(*page)["count"].get<std::size_t>(), "memories"};
}

}  // namespace membridge::sync::mem0
