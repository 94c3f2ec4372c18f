// The rows of one document: itself, its code, its words, and what its partition counts of it.
#pragma once

#include <cstdint>

#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {

// With its postings, and taken off its partition's sums. One that is not there is nothing.
Status erase_document(Database& db, std::int64_t id);

}  // namespace mesh::sqlite
