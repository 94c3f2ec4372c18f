// Small files, read whole and written safely.
#pragma once

#include <string>

#include "common/base/error.h"

namespace mesh::cli {

// The text without a byte order mark. `not_found`; `invalid` for one that this user may not read
// and for a folder; `too_large` beyond max_bytes; else `internal`. The message names the file.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Replaces the file at once (write beside, fsync, rename); 0600, missing folders 0700. A link
// stays, and what it names is replaced. Errors as read_file's.
Status write_private_file(const std::string& path, const std::string& text);

}  // namespace mesh::cli
