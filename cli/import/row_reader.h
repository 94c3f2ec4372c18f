// Users out of a CSV or NDJSON file, row by row.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "cli/import/line_reader.h"
#include "common/base/error.h"
#include "common/domain/user.h"

namespace mesh::cli {

struct BrokenRow {
  std::string reason;
};

struct UserRow {
  std::int64_t line = 0;  // where it begins, from 1
  std::variant<NewUser, BrokenRow> content;
  std::string text = {};  // as it stands in the file, at most 1 MiB of it
};

enum class RowFormat { csv, ndjson };
// By the name's ending (".csv", ".ndjson", ".jsonl"); nothing otherwise.
std::optional<RowFormat> row_format_of(const std::string& file_name);

// One thread; memory bounded by a row of at most 1 MiB. Empty lines are skipped. Other columns and
// members than email and name are ignored.
class RowReader {
 public:
  virtual ~RowReader() = default;
  // Nothing at the end. An error ends the reading: the file cannot be read, a CSV file without a
  // header of the columns email and name.
  virtual Result<std::optional<UserRow>> next() = 0;
};

// CSV as in RFC 4180, with a header row that names the columns in any order and case; its lines end
// with a line feed, a carriage return or both.
std::unique_ptr<RowReader> make_row_reader(RowFormat format, LineReader& lines);

}  // namespace mesh::cli
