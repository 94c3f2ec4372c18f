// What an answer of the API says when it is not a success, and where its next page is.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/http/message.h"

namespace mesh::client {

// The inverse of http::status_of. Statuses that no kind maps to take the nearest one.
ErrorKind kind_of_status(int status);

// The error of an answer with a status of 300 or more: the message is problem+json's `detail` (else
// its title, else the status), `fields` its errors, `retry_after` the header's seconds;
// `request_id` is the answer's.
Error error_of(const http::Response& response);

// Case-insensitive; nothing where it is missing.
std::optional<std::string> header_of(const http::Response& response, std::string_view name);

// The path and query of `Link: <…>; rel="next"` (RFC 8288); the host of an absolute link is cut
// off, since a credential only goes to the address it was meant for. Nothing where there is no next
// page.
std::optional<std::string> next_page(const http::Response& response);

}  // namespace mesh::client
