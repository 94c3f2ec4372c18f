// events.db: looked at only.
#pragma once

#include <string>

#include "common/base/error.h"
#include "common/engines/sqlite/repair/report.h"

namespace mesh::sqlite {

// Events are indexed anew from the log, so a repair keeps none of the file. Errors as salvage_log.
Result<FileReport> inspect_events(const std::string& source);

}  // namespace mesh::sqlite
