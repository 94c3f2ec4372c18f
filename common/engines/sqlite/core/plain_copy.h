// Files of meshd that another program copied.
//
// `sqlite3 FILE ".backup COPY"` and VACUUM INTO do not know of page sums. They change the header in
// page 1, so that its sum is that of before, and write without a sum whatever they found in the
// write-ahead log (VACUUM INTO: every page). Such a file has no mark in page 1 (page_sums.h), which
// tells it from one of meshd's own, where a page without its sum is damage.
#pragma once

#include <string>

#include "common/base/error.h"

namespace mesh::sqlite {

// Where `path` is such a copy and whole, as far as can be told without sums (SQLite's
// integrity_check; every sum that is there is right), gives each page its sum and page 1 its mark.
// From then on it is a file like any other. Any other file, a damaged copy too, stays as it is for
// the next open to judge. `unavailable` where it cannot be read or written. Reads a copy as a
// whole, of other files page 1. Only while nobody has the file open.
Status adopt_plain_copy(const std::string& path);

}  // namespace mesh::sqlite
