#include "cli/import/line_reader.h"

#include <utility>

namespace mesh::cli {

constexpr char kCtrlZ = 0x1a;

Result<LineReader> LineReader::open(const std::string& path, const std::string& encoding) {
  auto input = MESH_TRY(TextInput::open(path, encoding));
  return LineReader(std::move(input));
}

LineReader::LineReader(int fd, bool owned, std::string name) : input_(fd, owned, std::move(name)) {}

Status LineReader::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  return input_.read_more(buffer_);
}

std::size_t LineReader::find_end(Ends ends) const {
  if (ends == Ends::line_feed) return buffer_.find('\n', scanned_);
  auto end = buffer_.find_first_of("\r\n", scanned_);
  if (end == buffer_.npos || buffer_[end] == '\n') return end;
  // Its line feed may still come with the next bytes.
  if (end + 1 == buffer_.size()) return input_.at_end() ? end : buffer_.npos;
  return buffer_[end + 1] == '\n' ? end + 1 : end;
}

Result<std::optional<LineReader::Line>> LineReader::next(Ends ends) {
  Line line;
  while (true) {
    // At the very end alone: elsewhere it is a byte of the text.
    if (input_.at_end() && buffer_.size() > begin_ && buffer_.back() == kCtrlZ) {
      buffer_.pop_back();
      scanned_ = std::min(scanned_, buffer_.size());
    }
    const auto end = find_end(ends);
    if (end != buffer_.npos || (input_.at_end() && begin_ < buffer_.size())) {
      const auto stop = end == buffer_.npos ? buffer_.size() : end;
      if (!line.too_long) line.text = buffer_.substr(begin_, stop - begin_);
      line.ended = end != buffer_.npos;
      line.by_return = line.ended && buffer_[end] == '\r';
      begin_ = scanned_ = line.ended ? end + 1 : stop;
      if (line.text.size() > kMaxLine) {
        line.text.resize(kMaxLine);
        line.too_long = true;
      }
      line.number = ++number_;
      return line;
    }
    if (input_.at_end()) {
      if (!line.too_long) return std::nullopt;
      line.number = ++number_;
      return line;
    }
    scanned_ = buffer_.size();
    if (scanned_ > begin_ && buffer_.back() == '\r') --scanned_;  // its line feed may follow
    if (scanned_ - begin_ > kMaxLine) {
      // The rest of the line is skipped, so that memory stays bounded.
      if (!line.too_long) line.text = buffer_.substr(begin_, kMaxLine);
      line.too_long = true;
      begin_ = scanned_;
    }
    MESH_TRY(fill());
  }
}

bool LineReader::ready(int patience_ms) {
  return buffer_.find('\n', begin_) != buffer_.npos || input_.ready(patience_ms);
}

Result<std::string_view> LineReader::unread() {
  while (begin_ == buffer_.size() && !input_.at_end()) MESH_TRY(fill());
  return std::string_view(buffer_).substr(begin_);
}

void LineReader::take(std::size_t bytes) { scanned_ = begin_ += bytes; }

}  // namespace mesh::cli
