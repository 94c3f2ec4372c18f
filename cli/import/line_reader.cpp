#include "cli/import/line_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "cli/interrupt.h"

namespace mesh::cli {

constexpr std::size_t kChunk = 1 << 16;

Result<LineReader> LineReader::open(const std::string& path) {
  if (path == "-") return LineReader(0, false, "stdin");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const ErrorKind kind = errno == ENOENT   ? ErrorKind::not_found
                           : errno == EACCES ? ErrorKind::forbidden
                                             : ErrorKind::unavailable;
    return fail(kind, "cannot read " + path + ": " + std::strerror(errno));
  }
  return LineReader(fd, true, path);
}

LineReader::LineReader(int fd, bool owned, std::string name)
    : fd_(fd), owned_(owned), name_(std::move(name)) {
  struct stat info {};
  if (::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode)) size_ = info.st_size;
}

LineReader::LineReader(LineReader&& other) noexcept
    : fd_(other.fd_),
      owned_(std::exchange(other.owned_, false)),
      name_(std::move(other.name_)),
      buffer_(std::move(other.buffer_)),
      begin_(other.begin_),
      scanned_(other.scanned_),
      at_end_(other.at_end_),
      number_(other.number_),
      bytes_read_(other.bytes_read_),
      size_(other.size_) {}

LineReader::~LineReader() {
  if (owned_) ::close(fd_);
}

Status LineReader::fill() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kChunk);
  ssize_t n = -1;
  do {
    n = ::read(fd_, buffer_.data() + before, kChunk);
  } while (n < 0 && errno == EINTR && !InterruptGuard::interrupted());
  if (n < 0 && errno != EINTR) {
    buffer_.resize(before);
    return fail(ErrorKind::unavailable, "cannot read " + name_ + ": " + std::strerror(errno));
  }
  buffer_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  bytes_read_ += std::max<ssize_t>(n, 0);
  at_end_ = n <= 0;
  return {};
}

std::size_t LineReader::find_end(Ends ends) const {
  if (ends == Ends::line_feed) return buffer_.find('\n', scanned_);
  auto end = buffer_.find_first_of("\r\n", scanned_);
  if (end == buffer_.npos || buffer_[end] == '\n') return end;
  if (end + 1 == buffer_.size()) return at_end_ ? end : buffer_.npos;
  return buffer_[end + 1] == '\n' ? end + 1 : end;
}

Result<std::optional<LineReader::Line>> LineReader::next(Ends ends) {
  Line line;
  while (true) {
    const auto end = find_end(ends);
    if (end != buffer_.npos || (at_end_ && begin_ < buffer_.size())) {
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
    if (at_end_) {
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
    if (auto filled = fill(); !filled) return fail(filled.error());
  }
}

bool LineReader::ready(int patience_ms) {
  if (at_end_ || buffer_.find('\n', begin_) != buffer_.npos) return true;
  pollfd wait{fd_, POLLIN, 0};
  return ::poll(&wait, 1, patience_ms) != 0;
}

}  // namespace mesh::cli
