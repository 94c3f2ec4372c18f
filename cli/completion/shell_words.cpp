#include "cli/completion/shell_words.h"

#include <algorithm>

namespace mesh::cli {
namespace {

// Beyond ASCII nothing has a meaning to a shell.
bool is_inert(char c) {
  return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

std::string in_single_quotes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out;
}

// "!" has a meaning inside double quotes, too, and no backslash takes it away there.
std::string in_double_quotes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '!') {
      out += "\"'!'\"";
      continue;
    }
    if (std::string_view("$`\"\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

TypedWord unquoted(std::string_view typed) {
  TypedWord word;
  for (std::size_t i = 0; i < typed.size(); ++i) {
    const char c = typed[i];
    if (word.open_quote == '\'') {
      if (c == '\'')
        word.open_quote = 0;
      else
        word.text += c;
    } else if (c == '\\') {
      // The cursor stands behind a backslash, which quotes what is not yet there.
      if (i + 1 == typed.size()) break;
      const char next = typed[++i];
      const bool kept =
          word.open_quote == '"' && std::string_view("$`\"\\").find(next) == std::string_view::npos;
      if (kept) word.text += c;
      word.text += next;
    } else if (c == '"') {
      word.open_quote = word.open_quote == 0 ? '"' : '\0';
    } else if (c == '\'' && word.open_quote == 0) {
      word.open_quote = '\'';
    } else {
      word.text += c;
    }
  }
  return word;
}

std::string bash_replacement(std::string_view value, std::string_view typed,
                             std::string_view replaced) {
  // Where `replaced` is not the end of what was typed, the whole word is put in its place.
  const bool at_end = typed.ends_with(replaced);
  const TypedWord kept = unquoted(at_end ? typed.substr(0, typed.size() - replaced.size()) : "");
  if (!value.starts_with(kept.text)) return {};
  const std::string_view rest = value.substr(kept.text.size());
  if (kept.open_quote != 0) {
    std::string out = kept.open_quote == '"' ? in_double_quotes(rest) : in_single_quotes(rest);
    // bash closes the quote behind it, unless the text seems to have done so.
    if (out.ends_with(kept.open_quote)) out += kept.open_quote;
    return out;
  }
  if (std::all_of(rest.begin(), rest.end(), is_inert)) return std::string(rest);
  return "'" + in_single_quotes(rest) + "'";
}

}  // namespace mesh::cli
