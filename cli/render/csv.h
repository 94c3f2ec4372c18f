// CSV as in RFC 4180, but for the line ends, which are line feeds. Pure.
// libcsv, which reads CSV here, writes every field in quotes.
#pragma once

#include <string>
#include <string_view>

#include "cli/render/view.h"

namespace mesh::cli {

// Appends the field, in quotes where it needs them.
void append_csv_field(std::string& row, std::string_view field, char delimiter = ',');

// The paths of the view's fields, wide and hidden ones too. Columns that are made of several
// members are left out, since those are there.
std::string csv_header(const View& view);
// Their values, exact: text as it is, nothing for null and "" in quotes for empty text, other
// scalars, objects and arrays as compact JSON. `safe`: made printable, for terminals.
std::string csv_row(const View& view, const Json& item, bool safe = false);

}  // namespace mesh::cli
