// log.db: looked at, repaired, read without being opened as a log.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

// `source` is the path of the file to look at; `target`, where not empty, the file to make.
// Errors are what keeps from looking: a file that cannot be opened or written, a newer schema.
Result<FileReport> salvage_log(const std::string& source, const std::string& target);
// The same, with nothing in it: what takes the place of a file of which nothing can be copied.
Status make_empty_log(const std::string& path);
// False for a file that no start came to its end with: it is new.
bool log_was_used(const std::string& path);

// Hands out the records of a topic of a whole log, each partition's in order.
using UseRecord = std::function<Status(const StoredRecord&)>;
Status each_record(const std::string& path, std::string_view topic, const UseRecord& use);

}  // namespace mesh::sqlite
