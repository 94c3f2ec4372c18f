// The request line of HTTP/1.x, which cpp-httplib takes apart.
#pragma once

#include <string>
#include <string_view>

namespace mesh::http {

struct RequestLine {
  std::string method, target, version;  // empty where the line has no such part
};

// `line` ends with CR LF. The parts are as the library sees them, which passes over blanks and
// drops a fragment: where they are shorter than the line by more than two spaces, it was read
// leniently. Any thread; what is answered lives until the next call on the same one.
const RequestLine& parse_request_line(std::string_view line);

}  // namespace mesh::http
