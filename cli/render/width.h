// How text fills a terminal.
#pragma once

#include <string>
#include <string_view>

namespace mesh::cli {

// Columns that the text takes: East Asian wide characters count two, combining ones none.
int display_width(std::string_view utf8);

// Cut to at most `width` columns, the last of them "…" where something was cut.
std::string truncate(std::string_view utf8, int width);

// Fit to print: control characters become "\n", "\t" or "\x1b", broken UTF-8 "\xff", so that data
// cannot move the cursor or break a row.
std::string printable(std::string_view text);

}  // namespace mesh::cli
