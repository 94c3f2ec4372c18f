// Users out of JSON objects. Private to the importer's sources.
#pragma once

#include "cli/import/row_reader.h"

namespace mesh::cli {

std::unique_ptr<RowReader> make_json_reader(LineReader& lines, const ColumnChoice& paths);

}  // namespace mesh::cli
