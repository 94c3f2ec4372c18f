// The bytes of requests, as a lean client would send them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/domain/user.h"

namespace mesh::bench {

// Appends a request with the dev token `tenant`:bench; without a body, or an Idempotency-Key, where
// that is empty.
void append_request(std::string& out, std::string_view method, std::string_view target,
                    std::string_view tenant, std::string_view body = {},
                    std::string_view content_type = "application/json", std::string_view key = {});
std::string request(std::string_view method, std::string_view target, std::string_view tenant,
                    std::string_view body = {}, std::string_view content_type = "application/json");

// Person `n` of a made-up population: English names over some domains of `tenant`, as many share
// first names, surnames and domains as in life. Different n, different e-mail.
NewUser person(std::string_view tenant, std::uint64_t n);
// Something one would type to find that person: the full name, part of the address, or a typo.
std::string query_for(const NewUser& person, std::uint64_t n);

// The body of POST /users/create.
std::string create_body(const NewUser& person);
// The body of POST /api/v1/events/analytics: event n of one of `users` users.
std::string event_body(std::uint64_t n, std::uint64_t users = 10'000);
// `count` lines of NDJSON with events n, n+1, …
std::string event_lines(std::uint64_t n, int count, std::uint64_t users = 10'000);

}  // namespace mesh::bench
