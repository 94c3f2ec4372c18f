#include "cli/import/row_reader.h"

#include <cstdio>

#include "cli/import/csv_rows.h"
#include "cli/import/json_rows.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

Result<RowFormat> format_of(LineReader& lines) {
  auto begin = MESH_TRY(lines.unread());
  const auto text = trim(begin);
  if (text.empty() && begin.empty())
    return fail(ErrorKind::invalid, lines.input().name() + ": the file is empty");
  return text.starts_with('{') || text.starts_with('[') ? RowFormat::json : RowFormat::csv;
}

}  // namespace

Result<std::unique_ptr<RowReader>> make_row_reader(LineReader& lines, const RowOptions& options) {
  // Also where it is given: an empty file has no rows.
  const auto format = MESH_TRY(format_of(lines));
  const auto given = [](const ColumnChoice& choice) {
    return !choice.email.empty() || !choice.name.empty();
  };
  const bool json = options.format.value_or(format) == RowFormat::json;
  if (json && (given(options.columns) || options.delimiter)) {
    return fail(ErrorKind::invalid, lines.input().name() +
                                        " is JSON: --email-path and --name-path name its members; "
                                        "columns and --delimiter are for CSV");
  }
  if (!json && given(options.paths)) {
    return fail(
        ErrorKind::invalid,
        lines.input().name() +
            " is CSV: --email-column and --name-column name its columns; paths are for JSON");
  }
  if (json) return make_json_reader(lines, options.paths);
  return make_csv_reader(lines, options.delimiter, options.columns);
}

std::string utf8_fault(std::string_view text, std::int64_t first_line) {
  if (is_valid_utf8(text)) return {};
  std::int64_t line = first_line;
  std::size_t line_begin = 0, i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (!is_valid_utf8(text.substr(i, length)) || i + length > text.size()) break;
    i += length;
    if (lead == '\n') {
      ++line;
      line_begin = i;
    }
  }
  char byte[8];
  std::snprintf(byte, sizeof byte, "0x%02X", static_cast<unsigned>(text[i]) & 0xff);
  // Whoever tells it names the line in which the row begins.
  return (line == first_line ? "" : "line " + std::to_string(line) + ", ") + "column " +
         std::to_string(i - line_begin + 1) + ": the byte " + byte +
         " is not UTF-8; Excel writes windows-1252: try --encoding windows-1252";
}

}  // namespace mesh::cli
