// The files of a model's folder: read whole, or written whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace mesh::models {

// "cannot read …: …" of errno: `not_found` where there is none, `invalid` where it may not be read
// or is a directory, else `internal`.
tl::unexpected<Error> file_error(const char* what, const std::string& path);

// `too_large` beyond the bound, `invalid` for what is no file, such as a pipe, which is not waited
// for.
Result<std::string> read_whole(const std::string& path, std::size_t max_bytes);
// The parts, one behind the other. Durable when it returns; whoever reads the file sees what was
// there before, or all of it.
Status write_whole(const std::string& path, const std::vector<std::string_view>& parts);

}  // namespace mesh::models
