// The bytes of requests, as a lean client would send them.
#pragma once

#include <string>
#include <string_view>

#include "common/load/requests.h"

namespace mesh::bench {

using load::create_body;
using load::event_body;
using load::event_lines;
using load::person;
using load::query_for;

// Appends a request with the dev token `tenant`:bench; without a body, or an Idempotency-Key, where
// that is empty.
void append_request(std::string& out, std::string_view method, std::string_view target,
                    std::string_view tenant, std::string_view body = {},
                    std::string_view content_type = "application/json", std::string_view key = {});
std::string request(std::string_view method, std::string_view target, std::string_view tenant,
                    std::string_view body = {}, std::string_view content_type = "application/json");

}  // namespace mesh::bench
