// How text fills a terminal.
#pragma once

#include <string>
#include <string_view>

namespace mesh::cli {

// Columns that the text takes: East Asian wide characters count two, combining ones none.
int display_width(std::string_view utf8);

// Cut to at most `width` columns, the last of them "…" where something was cut.
std::string truncate(std::string_view utf8, int width);
// Likewise with the "…" in the middle: "01938c…000001".
std::string truncate_middle(std::string_view utf8, int width);

// Fit to print: control characters become "\n", "\t" or "\x1b", broken UTF-8 "\xff", and what turns
// the direction of a line or ends it (U+202E, U+2028, …) "\u202e", so that data cannot move the
// cursor, break a row or show itself as something else.
std::string printable(std::string_view text);
// The same for text of several lines.
std::string printable_lines(std::string_view text);
// JSON or YAML text that says the same and is fit to print: such characters stand in its strings
// only, where an escape means them.
std::string printable_json(std::string_view json);

}  // namespace mesh::cli
