// JSON values out of a file, one after another, in bounded memory.
// nlohmann's parser takes one value, and cannot go on behind a broken one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/import/line_reader.h"

namespace mesh::cli {

// The text of one value.
struct JsonText {
  std::int64_t line = 0;    // where it begins, from 1
  std::int64_t column = 0;  // in bytes, from 1; 0 where nothing stands before it in its line
  std::string text = {};    // at most 1 MiB of it
  std::string broken = {};  // why it is none; empty for one whose brackets and quotes pair up
};

// Takes lines of values (NDJSON), pretty-printed values one behind another, and arrays of values,
// of which each element counts; byte order marks and record separators between values do not.
// Splits by brackets and quotes only: whether a text is JSON, its parser says. A broken value costs
// itself and the lines up to the next that begins as a value does. One thread; the LineReader
// outlives it.
class JsonReader {
 public:
  // `opened`: an array at the top is a list of values. `kept`: it is a value.
  enum class Arrays { opened, kept };
  explicit JsonReader(LineReader& lines, Arrays arrays = Arrays::opened)
      : lines_(lines), arrays_(arrays) {}

  // Blocks; nothing at the end. `invalid` where reading cannot go on: a broken value within an
  // array of one line, an array that is not closed at the end.
  Result<std::optional<JsonText>> next();

  const LineReader& lines() const { return lines_; }
  // As LineReader's; true only where something of a value is there.
  bool ready(int patience_ms);

 private:
  static constexpr int kEnd = -1;

  Result<int> peek();  // a byte or kEnd
  void take();         // the byte of the last peek
  Result<bool> skip_to_value();
  Status read_container(JsonText& value);
  Status read_word(JsonText& value);
  Status end_of_line(JsonText& value);
  Status skip_broken(JsonText& value);
  std::string here(std::int64_t value_line) const;
  void keep(JsonText& value);
  tl::unexpected<Error> lost(const std::string& what) const;

  LineReader& lines_;
  const Arrays arrays_;
  std::string_view unread_;  // of lines_, with taken_ bytes gone
  std::size_t taken_ = 0;
  std::int64_t line_ = 1, column_ = 1;
  bool blank_so_far_ = true;    // of the line
  std::int64_t list_line_ = 0;  // of the array whose elements are read; 0: none
  std::int64_t indent_ = 1;     // the column in which values of their own lines begin; 0: none do
};

}  // namespace mesh::cli
