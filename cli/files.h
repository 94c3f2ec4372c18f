// Small files, read whole and written safely.
#pragma once

#include <cerrno>
#include <string>

#include "common/base/error.h"

namespace mesh::cli {

// What the system refused, as in "cannot read F: Permission denied". `not_found`; `invalid` where
// this user may not, and for a folder; else `internal`: advice about servers would mislead.
tl::unexpected<Error> system_error(const std::string& what, const std::string& path,
                                   int code = errno);

// The text without a byte order mark. `too_large` beyond max_bytes; else system_error's.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

// Replaces the file at once (write beside, fsync, rename); 0600, missing folders 0700. A link
// stays, and what it names is replaced. Errors as read_file's.
Status write_private_file(const std::string& path, const std::string& text);
// Makes the file, 0600. `conflict` where there is one of that name, which stays as it is.
Status write_new_file(const std::string& path, const std::string& text);

}  // namespace mesh::cli
