// Answers as bytes.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/http/message.h"

namespace mesh::http {

// How a reader finds the end of the body.
enum class Framing {
  length,      // Content-Length
  chunked,     // append_chunk follows
  connection,  // it ends with it
};

struct WireOptions {
  bool keep_alive = true;
  bool head_only = false;  // to HEAD: the headers of the answer, without its body
  Timestamp now{};         // for Date
  Framing framing = Framing::length;
};

// Appends status line, headers and body. Headers that would break the message (a line break in a
// name or value, a framing field of the handler) are left out.
void append_response(std::string& out, const Response& response, const WireOptions& options);

// A part of a chunked body (RFC 9112 §7.1); without bytes, its end.
void append_chunk(std::string& out, std::string_view bytes);

// IMF-fixdate of RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(Timestamp t);

}  // namespace mesh::http
