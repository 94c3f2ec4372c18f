#include "common/http/reader.h"

#include <algorithm>
#include <charconv>

#include "common/http/request_line.h"
#include "common/http/syntax.h"

namespace mesh::http {
namespace {

constexpr std::size_t kMaxChunkLine = 256;       // the size, and extensions nobody uses
constexpr std::size_t kBodyReserve = 256 << 10;  // more only when it has really come
constexpr std::size_t kKeepHeadCapacity = 4096;  // of an idle connection
constexpr std::size_t kUsualFields = 12;

std::string_view trim_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool lists_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (equal_ignore_case(trim_blanks(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

// TRACE and QUERY, too: no route has them, and that is 405, not the 501 of a method that nobody
// knows.
bool is_known_method(std::string_view method) {
  return method == "GET" || method == "POST" || method == "HEAD" || method == "PUT" ||
         method == "PATCH" || method == "DELETE" || method == "OPTIONS" || method == "TRACE" ||
         method == "QUERY";
}

bool is_host(std::string_view host) {
  if (host.find_first_of("/?#@\\\"<>,") != std::string_view::npos) return false;
  return std::all_of(host.begin(), host.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

std::size_t RequestReader::feed(std::string_view bytes) {
  if (state_ == State::head) return feed_head(bytes);
  if (state_ == State::body) return chunked_ ? feed_chunks(bytes) : feed_sized(bytes);
  return 0;
}

void RequestReader::reset() {
  state_ = State::head;
  head_.clear();
  if (head_.capacity() > kKeepHeadCapacity) head_.shrink_to_fit();
  line_start_ = method_size_ = target_size_ = 0;
  HeaderList().swap(fields_);
  hosts_ = 0;
  host_.clear();
  authority_.clear();
  http_1_0_ = expects_continue_ = has_length_ = chunked_ = false;
  keep_alive_ = true;
  length_ = 0;
  received_ = 0;
  keep_body_ = true;
  std::string().swap(body_);  // an assignment would keep the memory
  chunk_ = Chunk::size_line;
  line_.clear();
  trailer_bytes_ = 0;
}

void RequestReader::refuse(int status, std::string_view detail) {
  if (state_ == State::refused) return;
  state_ = State::refused;
  refusal_status_ = status;
  refusal_detail_ = detail;
}

// --- the head ---

std::size_t RequestReader::feed_head(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::head && used < bytes.size()) {
    // Told at the first byte: a TLS hello has no line end, and would wait for its time-out.
    if (head_.empty() && bytes[used] != '\r' && !is_token(bytes.substr(used, 1))) {
      refuse(400, "The connection carries something other than HTTP/1.1.");
      break;
    }
    const auto newline = bytes.find('\n', used);
    const bool whole = newline != std::string_view::npos;
    const auto size = (whole ? newline + 1 : bytes.size()) - used;
    if (head_.size() + size > max_header_bytes_) {
      refuse(431, "The request line and the header fields are too long.");
      break;
    }
    head_.append(bytes.substr(used, size));
    used += size;
    if (whole) end_head_line();
  }
  return used;
}

void RequestReader::end_head_line() {
  std::string_view line = std::string_view(head_).substr(line_start_);
  if (line.size() < 2 || line[line.size() - 2] != '\r') {
    return refuse(400, "A line of the head does not end in CR LF.");
  }
  line.remove_suffix(2);
  if (line.empty() && line_start_ == 0) {
    head_.clear();  // empty lines before a request are to be ignored: RFC 9112 §2.2
    return;
  }
  if (line.empty()) return end_head();
  if (line_start_ == 0) {
    read_request_line();
  } else {
    read_field(line);
  }
  line_start_ = head_.size();
}

void RequestReader::read_request_line() {
  const auto& [method, target, version] = parse_request_line(head_);
  if (version.empty()) return refuse(400, "The request line is not: method, target, version.");
  const bool known = is_known_method(method);
  if (known) method_size_ = method.size();  // a refusal of HEAD has no body either
  // Else the library has passed over something: a second blank, a tab, a fragment.
  const bool whole = head_.size() == method.size() + target.size() + version.size() + 4;
  const bool target_is_clean = std::all_of(target.begin(), target.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && byte != '#';
  });
  if (!whole || !is_token(method) || !target_is_clean) {
    return refuse(400, "The request line is not: method, target, version.");
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7])) {
    return refuse(400, "The request line does not end in a version such as HTTP/1.1.");
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    return refuse(505, "Only HTTP/1.1 and HTTP/1.0 are served here.");
  }
  http_1_0_ = version.back() == '0';
  // HTTP/1.0 has no agreed way to keep a connection, and old proxies pass the wish on unread
  // (RFC 9112 C.2.2).
  keep_alive_ = !http_1_0_;
  method_size_ = method.size();
  target_size_ = target.size();
  if (!known) return refuse(501, "The method is not implemented here.");
  read_target(target);
}

void RequestReader::read_target(std::string_view target) {
  if (target.front() == '/') return;
  if (target == "*" && method() == "OPTIONS") return;
  // An absolute form must be accepted (RFC 9112 §3.2.2). It is rewritten in place, so that all who
  // read the head later see the same, simpler target.
  const auto colon = target.find("://");
  const bool http =
      colon != std::string_view::npos && (equal_ignore_case(target.substr(0, colon), "http") ||
                                          equal_ignore_case(target.substr(0, colon), "https"));
  if (!http) return refuse(400, "The target of the request must begin with '/'.");
  const auto start = colon + 3;
  const auto end = std::min(target.find_first_of("/?", start), target.size());
  authority_ = target.substr(start, end - start);
  if (authority_.empty() || !is_host(authority_)) {
    return refuse(400, "The target of the request names no valid host.");
  }
  const bool has_path = end < target.size() && target[end] == '/';
  target_size_ = target.size() - end + (has_path ? 0 : 1);
  head_.replace(method_size_ + 1, end, has_path ? "" : "/");
}

void RequestReader::read_field(std::string_view line) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return refuse(400, "A header field has no valid name followed by a colon.");
  }
  const auto name = line.substr(0, colon);
  const auto value = trim_blanks(line.substr(colon + 1));
  if (!is_field_value(value)) return refuse(400, "A header field holds a control character.");
  if (std::ssize(fields_) == max_headers_) {
    return refuse(431, "There are too many header fields.");
  }
  if (fields_.empty()) fields_.reserve(kUsualFields);
  fields_.emplace_back(name, value);

  // By length first: of most fields no name has to be compared.
  switch (name.size()) {
    case 4:
      if (equal_ignore_case(name, "host")) {
        if (++hosts_ > 1 || !is_host(value)) return refuse(400, "The Host field is not valid.");
        host_ = value;
      }
      break;
    case 6:
      if (equal_ignore_case(name, "expect") && !http_1_0_) {
        if (!equal_ignore_case(value, "100-continue")) {
          return refuse(417, "The only expectation that can be met is 100-continue.");
        }
        expects_continue_ = true;
      }
      break;
    case 10:
      if (equal_ignore_case(name, "connection") && lists_token(value, "close")) {
        keep_alive_ = false;
      }
      break;
    case 14:
      if (equal_ignore_case(name, "content-length")) read_length(value);
      break;
    case 17:
      if (equal_ignore_case(name, "transfer-encoding")) read_transfer_encoding(value);
      break;
    default:
      break;
  }
}

void RequestReader::read_length(std::string_view value) {
  const auto end = value.data() + value.size();
  const bool digits = !value.empty() && value[0] >= '0' && value[0] <= '9';  // no sign
  const auto [stop, error] = std::from_chars(value.data(), end, length_);
  if (has_length_ || !digits || stop != end || error != std::errc()) {
    return refuse(400, "The Content-Length field is not one number.");
  }
  has_length_ = true;
}

void RequestReader::read_transfer_encoding(std::string_view value) {
  if (chunked_ || http_1_0_) return refuse(400, "The Transfer-Encoding field is not valid here.");
  if (!equal_ignore_case(value, "chunked")) {
    return refuse(501, "The only transfer encoding that is implemented is chunked.");
  }
  chunked_ = true;
}

void RequestReader::end_head() {
  // The classic way to smuggle a request: a proxy goes by the one, the server by the other (RFC
  // 9112, 6.1).
  if (chunked_ && has_length_) {
    return refuse(400, "A request has either a Content-Length or a Transfer-Encoding, not both.");
  }
  if (hosts_ == 0 && !http_1_0_) return refuse(400, "The Host field is missing.");
  if (!authority_.empty() && hosts_ == 1 && !equal_ignore_case(authority_, host_)) {
    return refuse(400, "The target of the request and the Host field name different hosts.");
  }
  state_ = State::head_done;
}

// --- the body ---

void RequestReader::begin_body(std::size_t max_body_bytes) {
  max_body_bytes_ = max_body_bytes;
  if (length_ > max_body_bytes) return refuse(413, "The body is too large.");
  state_ = has_body_length() && (chunked_ || length_ > 0) ? State::body : State::complete;
  // A length is only a claim; a client that sends nothing must not cost what it names.
  body_.reserve(std::min<std::uint64_t>(length_, kBodyReserve));
}

void RequestReader::drop_body(std::size_t max_bytes) {
  keep_body_ = false;
  max_body_bytes_ = max_bytes;
  std::string().swap(body_);
  if (length_ > max_bytes) refuse(413, "The body is too large.");
}

void RequestReader::take(std::string_view bytes) {
  if (keep_body_) body_.append(bytes);
  received_ += bytes.size();
}

std::size_t RequestReader::feed_sized(std::string_view bytes) {
  const auto size = std::min<std::uint64_t>(bytes.size(), length_ - received_);
  take(bytes.substr(0, size));
  if (received_ == length_) state_ = State::complete;
  return size;
}

std::size_t RequestReader::feed_chunks(std::string_view bytes) {
  std::size_t used = 0;
  while (state_ == State::body && used < bytes.size()) {
    const auto rest = bytes.substr(used);
    if (chunk_ == Chunk::data) {
      const auto size = std::min<std::uint64_t>(rest.size(), chunk_left_);
      take(rest.substr(0, size));
      used += size;
      chunk_left_ -= size;
      if (chunk_left_ == 0) chunk_ = Chunk::data_end;
      continue;
    }
    const auto newline = rest.find('\n');
    const auto size = newline == std::string_view::npos ? rest.size() : newline + 1;
    const auto limit = chunk_ == Chunk::trailer ? max_header_bytes_ : kMaxChunkLine;
    if (line_.size() + size > limit) {
      refuse(400, "A line between the chunks of the body is too long.");
      break;
    }
    line_.append(rest.substr(0, size));
    used += size;
    if (newline != std::string_view::npos) {
      end_chunk_line();
      line_.clear();
    }
  }
  return used;
}

void RequestReader::end_chunk_line() {
  std::string_view line = line_;
  if (line.size() < 2 || line[line.size() - 2] != '\r') {
    return refuse(400, "A line between the chunks of the body does not end in CR LF.");
  }
  line.remove_suffix(2);
  switch (chunk_) {
    case Chunk::size_line: {
      const auto digits = line.substr(0, line.find_first_of("; \t"));
      const auto extension = trim_blanks(line.substr(digits.size()));
      const auto end = digits.data() + digits.size();
      const auto [stop, error] = std::from_chars(digits.data(), end, chunk_left_, 16);
      // from_chars takes a minus only for signed types, so a sign stops it at once.
      // 15 digits stay below 2^63.
      if (digits.empty() || digits.size() > 15 || stop != end || error != std::errc() ||
          !is_field_value(extension) || (!extension.empty() && extension.front() != ';')) {
        return refuse(400, "The size of a chunk of the body is not a hexadecimal number.");
      }
      // By the size that is announced, before its bytes come. received_ is never beyond the limit,
      // so that this does not wrap.
      if (chunk_left_ > max_body_bytes_ - received_) {
        return refuse(413, "The body is too large.");
      }
      chunk_ = chunk_left_ == 0 ? Chunk::trailer : Chunk::data;
      return;
    }
    case Chunk::data_end:
      if (!line.empty()) return refuse(400, "A chunk of the body is longer than its size says.");
      chunk_ = Chunk::size_line;
      return;
    case Chunk::trailer: {
      if (line.empty()) {
        state_ = State::complete;
        return;
      }
      // All of them together, or endless short trailers would keep the connection.
      trailer_bytes_ += line_.size();
      const auto colon = line.find(':');
      if (colon == std::string_view::npos || !is_token(line.substr(0, colon)) ||
          !is_field_value(line.substr(colon + 1))) {
        return refuse(400, "A trailer field after the body is not valid.");
      }
      if (trailer_bytes_ > max_header_bytes_) {
        return refuse(431, "The trailer fields after the body are too long.");
      }
      return;  // known to be well-formed, and dropped: nothing here reads trailers
    }
    case Chunk::data:
      return;
  }
}

}  // namespace mesh::http
