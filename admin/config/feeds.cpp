// The section `feeds`: endpoints that are told of changes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "admin/config/sections.hpp"
#include "admin/config/values.hpp"

namespace membridge::admin {
namespace {

constexpr std::array kOps{"insert", "update", "delete"};
constexpr std::size_t kLargestBatch = 500;

void ReadFilter(Fields& fields, const Config& config, sync::ChangeFilter& filter) {
  filter.tables = TextsOf(fields, "tables");
  for (std::string& table : filter.tables) {
    if (table.find('.') == std::string::npos) table.insert(0, "public.");
  }
  filter.mappings = TextsOf(fields, "mappings");
  std::vector<std::string> known;
  for (const MappingConfig& mapping : config.mappings) known.push_back(std::filesystem::path{mapping.file}.stem().string());
  for (const std::string& name : filter.mappings) {
    if (std::find(known.begin(), known.end(), name) == known.end())
      fields.context().problems.Error(fields.PlaceOf("mappings"),
                                      fmt::format("no mapping \"{}\"{}", name, Suggestion(name, known)));
  }
  filter.ops = TextsOf(fields, "ops");
  for (const std::string& op : filter.ops) {
    if (std::find(kOps.begin(), kOps.end(), op) == kOps.end())
      fields.context().problems.Error(fields.PlaceOf("ops"),
                                      fmt::format("unknown op \"{}\"{}", op, Suggestion(op, {kOps.begin(), kOps.end()})));
  }
}

/// The target that is followed: the one named, else the only one that has a feed.
std::string TargetOf(Fields& fields, const Config& config) {
  std::vector<std::string> with_feed;
  for (const TargetConfig& target : config.targets) {
    if (config.HasFeed(target.name)) with_feed.push_back(target.name);
  }
  const auto named = fields.Text("target");
  if (!named && with_feed.size() == 1) return with_feed.front();
  const std::string target = named.value_or("default");
  if (std::find(with_feed.begin(), with_feed.end(), target) != with_feed.end()) return target;
  std::vector<std::string> all;
  for (const TargetConfig& one : config.targets) all.push_back(one.name);
  fields.context().problems.Error(
      fields.PlaceOf("target"),
      config.FindTarget(target) == nullptr
          ? fmt::format("no target \"{}\"{}", target, Suggestion(target, all))
          : fmt::format("{} follows target \"{}\", which tells no changes; write targets: {{{}: {{feed: true}}}}", fields.where(),
                        target, target));
  return target;
}

void ReadEndpoint(Fields& fields, const Config& config, EndpointConfig& feed) {
  feed.target = TargetOf(fields, config);
  sync::Endpoint& endpoint = feed.endpoint;
  if (const auto url = fields.RequiredSecret("url", "write https://…: where changes are posted to")) {
    endpoint.url = *url;
    if (const std::string problem = sync::ProblemWithEndpoint(*url); !problem.empty())
      fields.context().problems.Error(fields.PlaceOf(fields.SecretKeyOf("url")), fmt::format("\"url\" {}", problem));
  }
  auto signer = sync::Signer::From(TextsOf(fields, "secrets"));
  if (signer)
    endpoint.signer = std::make_shared<const sync::Signer>(std::move(*signer));
  else
    fields.context().problems.Error(fields.PlaceOf("secrets"),
                                    fmt::format("{}; {}", signer.error().message, signer.error().hint));
  ReadFilter(fields, config, endpoint.filter);
  fields.Read("batch", 1, kLargestBatch, endpoint.batch);
}

}  // namespace

void ReadFeeds(Fields& top, Config& config) {
  ReadingContext& context = top.context();
  for (const YamlNode* item : top.List("feeds")) {
    if (!IsMap(*item, "a feed", context)) continue;
    Fields fields{*item, "a feed", context};
    EndpointConfig feed;
    feed.place = item->place;
    feed.endpoint.name = fields.RequiredText("name", "its position is kept under it").value_or("");
    if (!feed.endpoint.name.empty() && !IsName(feed.endpoint.name))
      context.problems.Error(fields.PlaceOf("name"),
                             fmt::format("\"{}\" cannot name a feed; use up to 63 of a-z, 0-9, - and _", feed.endpoint.name));
    if (config.FindFeed(feed.endpoint.name) != nullptr)
      context.problems.Error(fields.PlaceOf("name"), fmt::format("two feeds are named \"{}\"", feed.endpoint.name));
    ReadEndpoint(fields, config, feed);
    fields.Done();
    config.feeds.push_back(std::move(feed));
  }
}

}  // namespace membridge::admin
