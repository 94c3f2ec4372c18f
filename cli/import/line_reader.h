// Lines of a file or of stdin, of any number, in bounded memory.
// std::getline keeps a line of any length, and tells nobody whether a next one would wait.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "cli/import/text_input.h"
#include "common/base/error.h"

namespace mesh::cli {

// One thread.
class LineReader {
 public:
  // As TextInput::open.
  static Result<LineReader> open(const std::string& path, const std::string& encoding = {});
  explicit LineReader(int fd, bool owned, std::string name);

  struct Line {
    std::int64_t number = 0;  // from 1
    std::string text;         // without its end
    bool too_long = false;    // over kMaxLine: the text is cut
    bool ended = true;        // false for a last line without a line end
    bool by_return = false;   // ended by a carriage return alone
  };
  static constexpr std::size_t kMaxLine = 1 << 20;

  enum class Ends { line_feed, carriage_return_too };

  // Blocks; nothing at the end. The carriage return before a line feed stays in the text. A Ctrl-Z
  // at the very end, which DOS programs write, is no line.
  Result<std::optional<Line>> next(Ends ends = Ends::line_feed);
  // True where next() would not wait long: a line is there, or input comes within `patience_ms`,
  // or the end has come.
  bool ready(int patience_ms);

  // For readers of something else than lines: what is read and not handed out, at least a byte but
  // at the end. It is valid until the next call of anything; take() hands out its first bytes.
  Result<std::string_view> unread();
  void take(std::size_t bytes);

  const TextInput& input() const { return input_; }
  void end_when(std::function<bool()> wanted) { input_.end_when(std::move(wanted)); }

 private:
  explicit LineReader(TextInput input) : input_(std::move(input)) {}
  Status fill();
  // Where the first line end from scanned_ on stands, npos where none does. A carriage return at
  // the end of the buffer is one only once nothing follows.
  std::size_t find_end(Ends ends) const;

  TextInput input_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what is not yet handed out
  std::size_t scanned_ = 0;  // up to here there is no line end
  std::int64_t number_ = 0;
};

}  // namespace mesh::cli
