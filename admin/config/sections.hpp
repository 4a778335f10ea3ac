#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/config/fields.hpp"

namespace membridge::admin {

// The longer sections of the configuration, in the order they may be read: each may refer to those before it.

void ReadProjects(Fields& top, Config& config);
/// A webhook's `verify`; without one it is `token`.
std::vector<VerificationScheme> ReadVerify(Fields& webhook);
void ReadTargets(Fields& top, Config& config);
void ReadMappings(Fields& top, Config& config);
void ReadBackfill(Fields& top, Config& config);

/// Whether a text is a DSN: a URL, or key=value words.
bool IsDsn(std::string_view text);

/// `database`: one text, or `{url: postgresql://…, pooled: true}`, of which the URL is the text; absence is reported with `hint`.
std::optional<std::string> ReadDatabaseText(Fields& fields, std::string_view hint, Config& config);

/// Whether the entry's key can name a project or target; reported when it cannot.
bool HasName(const Fields::Entry& entry, std::string_view what, ReadingContext& context);

}  // namespace membridge::admin
