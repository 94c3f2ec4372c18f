#include "cli/render/csv.h"

#include "cli/render/width.h"
#include "common/base/strings.h"

namespace mesh::cli {

void append_csv_field(std::string& row, std::string_view field, char delimiter) {
  // Quotes also around blanks at either end, which readers may strip from a plain field.
  const bool plain = field.find_first_of("\"\r\n") == field.npos &&
                     field.find(delimiter) == field.npos && trim(field) == field;
  if (plain) {
    row += field;
    return;
  }
  row += '"';
  for (const char c : field) row.append(c == '"' ? 2 : 1, c);
  row += '"';
}

std::string csv_header(const View& view) {
  std::string line;
  for (const Field& field : view.fields) {
    if (field.path.empty()) continue;
    if (!line.empty()) line += ',';
    append_csv_field(line, field.path);
  }
  return line + "\n";
}

std::string csv_row(const View& view, const Json& item, bool safe) {
  std::string line;
  bool first = true;
  for (const Field& field : view.fields) {
    if (field.path.empty()) continue;
    if (!first) line += ',';
    first = false;
    const Json& value = at_path(item, field.path);
    if (value.is_null()) continue;
    const std::string text = value.is_string() ? value.get<std::string>() : dump(value);
    // An empty text is told from null, which is an empty field.
    if (text.empty()) {
      line += "\"\"";
    } else {
      append_csv_field(line, safe ? printable(text) : text);
    }
  }
  return line + "\n";
}

}  // namespace mesh::cli
