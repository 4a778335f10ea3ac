#pragma once

#include <string>

#include "mappings/base/result.hpp"

namespace membridge::admin {

/// Puts `text` in the place of a mapping's file, all at once: a new file beside it is written, flushed and renamed over it, with
/// the old one's permissions. `digest` is the SHA-256 of the bytes that the writer has read; a file that holds others by now is
/// left as it is. On any error the file is untouched and nothing is left beside it. Errors: kRefused: the file has changed, or is
/// not a plain file in its folder (a symbolic link of a ConfigMap, for instance). kUnavailable: the folder or the disk does not
/// take it; the message says why. Threads: any; savers of one folder take turns, also those of other processes.
Result<void> SaveMappingFile(const std::string& file, const std::string& text, const std::string& digest);

}  // namespace membridge::admin
