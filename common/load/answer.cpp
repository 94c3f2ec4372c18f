#include "common/load/answer.h"

#include <strings.h>

#include <charconv>

namespace mesh::load {
namespace {

constexpr std::string_view kEnd = "\r\n\r\n";

// The field's value, where `line` is that field.
bool field(std::string_view line, std::string_view name, std::string_view& value) {
  if (line.size() <= name.size() || line[name.size()] != ':' ||
      strncasecmp(line.data(), name.data(), name.size()) != 0) {
    return false;
  }
  value = line.substr(name.size() + 1);
  while (value.starts_with(' ')) value.remove_prefix(1);
  return true;
}

}  // namespace

AnswerHead read_head(std::string_view bytes) {
  AnswerHead head;
  const auto end = bytes.find(kEnd);
  if (end == std::string_view::npos) return head;
  head.state = AnswerHead::State::unreadable;
  head.head_bytes = end + kEnd.size();
  if (!bytes.starts_with("HTTP/1.1 ") || bytes.size() < 12) return head;
  std::from_chars(bytes.data() + 9, bytes.data() + 12, head.status);
  bool length_known = head.status == 204 || head.status == 304;
  std::string_view rest = bytes.substr(0, end), value;
  while (!rest.empty()) {
    const auto eol = rest.find("\r\n");
    const std::string_view line = rest.substr(0, eol);
    rest = eol == std::string_view::npos ? std::string_view() : rest.substr(eol + 2);
    if (line.empty() || (line[0] | 0x20) != 'c') continue;
    if (field(line, "content-length", value)) {
      const char* last = value.data() + value.size();
      length_known = std::from_chars(value.data(), last, head.body_bytes).ptr == last;
    } else if (field(line, "connection", value)) {
      head.closes = value.size() == 5 && strncasecmp(value.data(), "close", 5) == 0;
    }
  }
  if (head.status >= 100 && length_known) head.state = AnswerHead::State::whole;
  return head;
}

}  // namespace mesh::load
