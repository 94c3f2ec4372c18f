#include "cli/import/text_input.h"

#include <fcntl.h>
#include <iconv.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "cli/files.h"
#include "cli/interrupt.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kChunk = 1 << 16;
constexpr int kLookMs = 200;  // between two looks whether somebody wants it to end

struct Mark {
  std::string_view bytes;
  const char* encoding;
};
constexpr Mark kMarks[] = {
    {"\xef\xbb\xbf"sv, "UTF-8"}, {"\xff\xfe"sv, "UTF-16LE"}, {"\xfe\xff"sv, "UTF-16BE"}};

// How files begin that are no text, what they are, and how one gets text out of them.
struct Kind {
  std::string_view bytes;
  const char* is;
  const char* advice;
};
constexpr const char* kSaveAsCsv = "open it and save it as \"CSV UTF-8\"";
constexpr Kind kKinds[] = {
    {"\x1f\x8b"sv, "compressed by gzip", "unpack it: zcat FILE | mesh … -"},
    {"\x28\xb5\x2f\xfd"sv, "compressed by zstd", "unpack it: zstdcat FILE | mesh … -"},
    {"BZh"sv, "compressed by bzip2", "unpack it: bzcat FILE | mesh … -"},
    {"\xfd"
     "7zXZ"sv,
     "compressed by xz", "unpack it: xzcat FILE | mesh … -"},
    {"PK\x03\x04"sv, "a spreadsheet (.xlsx, .ods) or another zip archive",
     "open it and save it as \"CSV UTF-8\", or unpack the archive"},
    {"\xd0\xcf\x11\xe0"sv, "a spreadsheet of Excel 97 (.xls)", kSaveAsCsv},
    {"PAR1"sv, "a Parquet file", "convert it to CSV or JSON lines, as duckdb does"},
    {"Obj\x01"sv, "an Avro file", "convert it to JSON lines: avro-tools tojson FILE | mesh … -"},
    {"SQLite format 3"sv, "an SQLite database",
     "export it: sqlite3 -header -csv FILE 'SELECT …' | mesh … -"},
    {"%PDF-"sv, "a PDF document", "export the data as CSV or JSON from the program that made it"},
};

}  // namespace

class TextInput::Converter {
 public:
  explicit Converter(const std::string& encoding)
      : handle_(::iconv_open("UTF-8", encoding.c_str())) {}
  ~Converter() {
    if (known()) ::iconv_close(handle_);
  }
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  bool known() const { return handle_ != reinterpret_cast<iconv_t>(-1); }
  // Moves what it can from `raw` to `text`; false before a byte that the encoding does not have.
  bool convert(std::string& raw, std::string& text) {
    char* from = raw.data();
    std::size_t left = raw.size();
    char buffer[kChunk];
    bool good = true;
    while (left > 0) {
      char* to = buffer;
      std::size_t room = sizeof buffer;
      const auto done = ::iconv(handle_, &from, &left, &to, &room);
      text.append(buffer, static_cast<std::size_t>(to - buffer));
      if (done != static_cast<std::size_t>(-1) || errno == E2BIG) continue;
      good = errno == EINVAL;  // a character that is cut: its rest comes
      break;
    }
    raw.erase(0, raw.size() - left);
    return good;
  }

 private:
  iconv_t handle_;
};

Result<TextInput> TextInput::open(const std::string& path, const std::string& encoding) {
  const bool is_stdin = path == "-";
  const int fd = is_stdin ? 0 : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error("read", path);
  TextInput input(fd, !is_stdin, is_stdin ? "stdin" : path);
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) return system_error("read", path, EISDIR);
  if (encoding.empty()) return input;
  input.given_ = true;
  input.encoding_ = encoding;
  const std::string lower = to_lower(encoding);
  if (lower == "utf-8" || lower == "utf8") return input;
  // Whoever writes another encoding may take UTF-8 only with a mark in front, as Excel does.
  input.marked_ = true;
  input.converter_ = std::make_unique<Converter>(encoding);
  if (!input.converter_->known()) {
    return fail(ErrorKind::invalid, "--encoding " + encoding +
                                        " is not known; utf-8, utf-16le, utf-16be, windows-1252 "
                                        "and what `iconv -l` lists are");
  }
  return input;
}

TextInput::TextInput(int fd, bool owned, std::string name)
    : fd_(fd), owned_(owned), name_(std::move(name)), encoding_("UTF-8") {
  struct stat info {};
  if (::fstat(fd_, &info) == 0 && S_ISREG(info.st_mode)) size_ = info.st_size;
}

TextInput::TextInput(TextInput&& other) noexcept
    : fd_(other.fd_),
      owned_(std::exchange(other.owned_, false)),
      wanted_(std::move(other.wanted_)),
      name_(std::move(other.name_)),
      encoding_(std::move(other.encoding_)),
      given_(other.given_),
      converter_(std::move(other.converter_)),
      raw_(std::move(other.raw_)),
      begun_(other.begun_),
      marked_(other.marked_),
      at_end_(other.at_end_),
      bytes_read_(other.bytes_read_),
      size_(other.size_),
      lines_(other.lines_) {}

TextInput::~TextInput() {
  if (owned_) ::close(fd_);
}

bool TextInput::ready(int patience_ms) const {
  pollfd wait{fd_, POLLIN, 0};
  return at_end_ || ::poll(&wait, 1, patience_ms) != 0;
}

Status TextInput::read_bytes() {
  while (wanted_ && !ready(kLookMs)) {
    if (!wanted_()) continue;
    at_end_ = true;
    return {};
  }
  const std::size_t before = raw_.size();
  raw_.resize(before + kChunk);
  ssize_t n = -1;
  do {
    n = ::read(fd_, raw_.data() + before, kChunk);
  } while (n < 0 && errno == EINTR && !InterruptGuard::interrupted());
  const int code = errno;
  raw_.resize(before + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  if (n < 0 && code != EINTR) return system_error("read", name_, code);
  bytes_read_ += std::max<ssize_t>(n, 0);
  // A read that Ctrl-C cut short counts as the end: callers look at the flag before they judge what
  // came.
  at_end_ = n <= 0;
  return {};
}

// `known` stays false while what came may still become a mark or the beginning of another kind.
Status TextInput::look_at_beginning(bool& known) {
  const std::string_view raw = raw_;
  for (const Mark& mark : kMarks) {
    if (!at_end_ && raw.size() < mark.bytes.size() && mark.bytes.starts_with(raw)) return {};
    if (!raw.starts_with(mark.bytes)) continue;
    encoding_ = mark.encoding;
    marked_ = true;
    converter_.reset();
    if (encoding_ != "UTF-8") converter_ = std::make_unique<Converter>(encoding_);
    raw_.erase(0, mark.bytes.size());
    known = true;
    return {};
  }
  for (const Kind& kind : kKinds) {
    if (!at_end_ && raw.size() < kind.bytes.size() && kind.bytes.starts_with(raw)) return {};
    if (raw.starts_with(kind.bytes)) {
      return fail(ErrorKind::invalid, name_ + " is " + kind.is + ", not text: " + kind.advice);
    }
  }
  known = true;
  const bool little = raw.size() > 1 && raw[0] != 0 && raw[1] == 0;
  const bool big = raw.size() > 1 && raw[0] == 0 && raw[1] != 0;
  if (!given_ && (little || big)) {
    return fail(ErrorKind::invalid,
                name_ + " looks like UTF-16 without a byte order mark: give --encoding " +
                    (little ? "utf-16le" : "utf-16be"));
  }
  return {};
}

tl::unexpected<Error> TextInput::undecodable() const {
  char byte[8];
  std::snprintf(byte, sizeof byte, "0x%02X", static_cast<unsigned>(raw_[0]) & 0xff);
  return fail(ErrorKind::invalid, name_ + ": line " + std::to_string(lines_) + ": the byte " +
                                      byte + " is not " + encoding_ +
                                      ": is it another encoding? --encoding names it");
}

Status TextInput::decode(std::string& text) {
  if (converter_ == nullptr) {
    text += raw_;
    raw_.clear();
    return {};
  }
  const std::size_t before = text.size();
  const bool good = converter_->convert(raw_, text);
  lines_ += std::count(text.begin() + static_cast<std::ptrdiff_t>(before), text.end(), '\n');
  // Bytes that are left at the end are half a character.
  if (!good || (at_end_ && !raw_.empty())) return undecodable();
  return {};
}

Status TextInput::read_more(std::string& text) {
  MESH_TRY(read_bytes());
  while (!begun_) {
    MESH_TRY(look_at_beginning(begun_));
    if (begun_ || at_end_) break;
    MESH_TRY(read_bytes());
  }
  return decode(text);
}

}  // namespace mesh::cli
