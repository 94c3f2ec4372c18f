// The bytes of a file or of stdin as UTF-8, whatever program wrote them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::cli {

// A byte order mark decides the encoding and is not part of the text; without one it is that of
// `encoding` (any name that iconv(3) knows, such as windows-1252 or utf-16le; empty: UTF-8). UTF-8
// passes unchecked: who reads the text names the line that is not. One thread.
class TextInput {
 public:
  // "-" is stdin. `not_found`; `invalid` for a file that this user may not read, for a folder and
  // for an unknown encoding; else `internal`. The message names the file.
  static Result<TextInput> open(const std::string& path, const std::string& encoding = {});
  explicit TextInput(int fd, bool owned, std::string name);
  TextInput(TextInput&&) noexcept;
  ~TextInput();

  // Blocks, then appends what came. `invalid` where the file is no text but, by its first bytes,
  // compressed, a spreadsheet, … (the message says what to do), or not of its encoding.
  Status read_more(std::string& text);
  bool at_end() const { return at_end_; }
  // From now on read_more looks several times a second whether somebody wants it to end, while it
  // waits; what comes then counts as the end, as behind Ctrl-C.
  void end_when(std::function<bool()> wanted) { wanted_ = std::move(wanted); }
  // False where read_more would wait longer than that.
  bool ready(int patience_ms) const;

  std::int64_t bytes_read() const { return bytes_read_; }
  // 0 where it is unknown (a pipe).
  std::int64_t size() const { return size_; }
  const std::string& name() const { return name_; }
  const std::string& encoding() const { return encoding_; }  // known once something was read
  // True where a program that takes UTF-8 only with a mark in front may have written the file.
  bool marked() const { return marked_; }

 private:
  class Converter;

  Status read_bytes();                    // into raw_
  Status look_at_beginning(bool& known);  // at the first of raw_
  Status decode(std::string& text);       // raw_, but for a character cut at its end
  tl::unexpected<Error> undecodable() const;

  int fd_;
  bool owned_;
  std::function<bool()> wanted_;  // none: it waits for as long as it takes
  std::string name_;
  std::string encoding_;
  bool given_ = false;                    // the encoding is the user's word
  std::unique_ptr<Converter> converter_;  // none for UTF-8
  std::string raw_;                       // read, not decoded
  bool begun_ = false;
  bool marked_ = false;
  bool at_end_ = false;
  std::int64_t bytes_read_ = 0;
  std::int64_t size_ = 0;
  std::int64_t lines_ = 1;  // up to what is decoded, for messages
};

}  // namespace mesh::cli
