// CSV by libcsv. Private to the importer's sources.
#pragma once

#include "cli/import/row_reader.h"

namespace mesh::cli {

std::unique_ptr<RowReader> make_csv_reader(LineReader& lines, std::optional<char> delimiter,
                                           const ColumnChoice& columns);

}  // namespace mesh::cli
