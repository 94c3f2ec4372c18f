// Users out of a CSV or JSON file, row by row.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/import/line_reader.h"
#include "cli/import/user_columns.h"
#include "common/base/error.h"
#include "common/domain/user.h"

namespace mesh::cli {

struct BrokenRow {
  std::string reason;
};

struct UserRow {
  std::int64_t line = 0;  // where it begins, from 1
  std::variant<NewUser, BrokenRow> content;
  std::string text = {};                 // as it stands in the file, at most 1 MiB of it
  std::vector<std::string> fields = {};  // of CSV; empty where its quotes are broken
};

enum class RowFormat { csv, json };

struct RowOptions {
  std::optional<RowFormat> format = {};  // nothing: JSON where the text begins with { or [
  std::optional<char> delimiter = {};    // of CSV; nothing: the first line tells
  ColumnChoice columns = {};             // of CSV
  ColumnChoice paths = {};               // of JSON
};

// One thread; memory bounded by a row of at most 1 MiB.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // Nothing at the end. An error ends the reading: the file cannot be read, a CSV file without a
  // header that tells where address and name stand. Rows of nothing but blanks are passed over.
  virtual Result<std::optional<UserRow>> next() = 0;
  // What was recognized, for people: `CSV in UTF-16LE, separator ";", e-mail address from "Mail",
  // …`.
  virtual std::string recognized() const = 0;
  // A file of the failed rows that can be mended and imported: what goes before them, and a row as
  // it was with its reason in the column (or member) kReasonColumn, which importing passes over.
  virtual std::string failures_header() const = 0;
  virtual std::string failed_row(const UserRow& row, const std::string& reason) const = 0;
};

inline constexpr const char* kReasonColumn = "import_error";

// CSV as in RFC 4180, with a header row that names the columns; lines end with a line feed, a
// carriage return or both; a first line "sep=;" names the separator. JSON: NDJSON, arrays, objects
// one behind another; members are named by paths such as "profile.email" or "/profile/email".
// Blocks until the text begins. `lines` outlives the reader. `invalid` for an empty file and for
// options that belong to the other form.
Result<std::unique_ptr<RowReader>> make_row_reader(LineReader& lines, const RowOptions& options);

// "column 7: the byte 0xFC is not UTF-8; …" for the first such byte of the row that begins in
// `first_line`, "line 3, column 7: …" where it stands in a later line; empty where there is none.
std::string utf8_fault(std::string_view text, std::int64_t first_line);

}  // namespace mesh::cli
