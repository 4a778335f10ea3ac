#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/config/fields.hpp"

namespace membridge::admin {

// Readers of the longer sections of the configuration. Call them in this order, because each section may refer to earlier ones.
// Problems are reported.

void ReadProjects(Fields& top, Config& config);
/// Reads a webhook's `verify`; the default is `token`.
std::vector<VerificationScheme> ReadVerify(Fields& webhook);
void ReadTargets(Fields& top, Config& config);
void ReadMappings(Fields& top, Config& config);
void ReadFeeds(Fields& top, Config& config);
void ReadBackfill(Fields& top, Config& config);

/// Whether the text is a valid name. Names appear in URLs, tables and metrics.
bool IsName(std::string_view text);

/// Whether a text has the form of a DSN: a URL, or `key=value` words.
bool IsDsn(std::string_view text);

/// Reads `database`, or another key: one text, or `{url: postgresql://…, pooled: true}`, for which it returns the URL. Reports a
/// missing value with `hint`.
std::optional<std::string> ReadDatabaseText(Fields& fields, std::string_view hint, Config& config,
                                            std::string_view key = "database");

/// Whether the entry's key is a valid name of a project or target; reports it when it is not.
bool HasName(const Fields::Entry& entry, std::string_view what, ReadingContext& context);

}  // namespace membridge::admin
