// Lines of a file or of stdin, of any number, in bounded memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/error.h"

namespace mesh::cli {

// One thread.
class LineReader {
 public:
  // "-" is stdin. `not_found`, `forbidden`, … name the file.
  static Result<LineReader> open(const std::string& path);
  explicit LineReader(int fd, bool owned, std::string name);
  ~LineReader();
  LineReader(LineReader&& other) noexcept;
  LineReader& operator=(LineReader&&) = delete;

  struct Line {
    std::int64_t number = 0;  // from 1
    std::string text;         // without its end
    bool too_long = false;    // over kMaxLine: the text is cut
    bool ended = true;        // false for a last line without a line end
    bool by_return = false;   // ended by a carriage return alone
  };
  static constexpr std::size_t kMaxLine = 1 << 20;

  enum class Ends { line_feed, carriage_return_too };

  // Blocks; nothing at the end. The carriage return before a line feed stays in the text.
  Result<std::optional<Line>> next(Ends ends = Ends::line_feed);
  // True where next() would not wait long: a line is there, or input comes within `patience_ms`,
  // or the end has come.
  bool ready(int patience_ms);

  std::int64_t bytes_read() const { return bytes_read_; }
  // 0 where it is unknown (a pipe).
  std::int64_t size() const { return size_; }
  const std::string& name() const { return name_; }

 private:
  Status fill();
  // Where the first line end from scanned_ on stands, npos where none does. A carriage return at
  // the end of the buffer is one only once nothing follows.
  std::size_t find_end(Ends ends) const;

  int fd_;
  bool owned_;
  std::string name_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of what is not yet handed out
  std::size_t scanned_ = 0;  // up to here there is no line end
  bool at_end_ = false;
  std::int64_t number_ = 0;
  std::int64_t bytes_read_ = 0;
  std::int64_t size_ = 0;
};

}  // namespace mesh::cli
