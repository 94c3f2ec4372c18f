// The Date header (RFC 9110 §5.6.7). Pure.
// libcurl's curl_getdate takes many forms that no server may send.
#pragma once

#include <optional>
#include <string_view>

#include "common/base/clock.h"

namespace mesh {

// "Sun, 06 Nov 1994 08:49:37 GMT"; nothing for other forms.
std::optional<Timestamp> parse_http_date(std::string_view text);

}  // namespace mesh
