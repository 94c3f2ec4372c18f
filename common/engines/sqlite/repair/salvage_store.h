// store.db: looked at and repaired.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

// `source` is the path of the file to look at; `target`, where not empty, the file to make.
// Errors are what keeps from looking: a file that cannot be opened or written, a newer schema.
Result<FileReport> salvage_store(const std::string& source, const std::string& target);
// The same, with nothing in it: what takes the place of a file of which nothing can be copied.
Status make_empty_store(const std::string& path);

}  // namespace mesh::sqlite
