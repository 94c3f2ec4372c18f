// Pages that are not whole, wherever in the file they are: a start may meet any of them.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/error.h"
#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

// The pages of `path` whose sums are wrong, used or not, but for those that its log holds anew.
struct BadPages {
  std::int64_t count = 0, first = 0;
  bool mendable = false;  // a copy that is mended says more
};
BadPages bad_pages(const std::string& path);
// Seals the pages of which the sum alone is damaged, and brings a file that was cut off to the
// length that it tells, which SQLite wants: what is missing is then damaged pages. For a file
// without a log.
Status mend_pages(const std::string& path);
// Where nothing else was found, so that all rows are whole and nothing is lost: `why` says so.
void tell_bad_pages(const BadPages& bad, const std::string& why, FileReport& report);

}  // namespace mesh::sqlite
