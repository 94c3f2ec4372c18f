// Words as shells quote them. Pure.
// GLib's g_shell_unquote refuses a quote that is open, where a cursor mostly stands; g_shell_quote
// quotes whole words only.
#pragma once

#include <string>
#include <string_view>

namespace mesh::cli {

// A word as it is typed, up to the cursor, without its quotes and backslashes, as a shell of the
// Bourne family reads them; nothing is expanded. A quote that is still open is left out, too.
struct TypedWord {
  std::string text;
  char open_quote = 0;  // ' or ", where the cursor stands in one
};
TypedWord unquoted(std::string_view typed);

// What bash is to put in the place of `replaced`, the end of `typed` that it is about to replace,
// so that the whole word says `value`: quoted, so that nothing of it is expanded or run, and fit
// into a quote that is open. Empty where the word would have to change before that place.
std::string bash_replacement(std::string_view value, std::string_view typed,
                             std::string_view replaced);

}  // namespace mesh::cli
