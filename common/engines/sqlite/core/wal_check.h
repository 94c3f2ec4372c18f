// What stands in a write-ahead log, read without SQLite.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::sqlite {

// Looks for damage inside `path`'s write-ahead log before it is opened. SQLite takes the first bad
// frame for the end of the log, which would silently undo commits that were acknowledged behind
// it; `corrupt` where synced commits follow a bad frame. Only while nobody has the file open.
Status verify_wal(const std::string& path);
// Calls `use` with the number and the bytes of each page in the log whose frame is whole, up to the
// last commit, in order; answers how many of the frames up to there are damaged.
int each_whole_frame(const std::string& path,
                     const std::function<void(std::uint32_t number, std::string_view page)>& use);

}  // namespace mesh::sqlite
