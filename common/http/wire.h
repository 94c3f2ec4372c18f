// Answers as bytes.
#pragma once

#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/http/message.h"

namespace mesh::http {

struct WireOptions {
  bool keep_alive = true;
  bool head_only = false;  // to HEAD: the headers of the answer, without its body
  Timestamp now{};         // for Date
};

// Appends status line, headers and body. Headers that would break the message (a line break in a
// name or value, a framing field of the handler) are left out.
void append_response(std::string& out, const Response& response, const WireOptions& options);

// IMF-fixdate of RFC 9110 §5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(Timestamp t);

}  // namespace mesh::http
