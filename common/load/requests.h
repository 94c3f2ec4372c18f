// A made-up population, what one types to find it, and events about it: bodies for a load that
// differ as in life. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/domain/user.h"

namespace mesh::load {

// Person `n`: English names over some domains of `tenant`, as many share first names, surnames and
// domains as in life. Different n, different e-mail.
NewUser person(std::string_view tenant, std::uint64_t n);
// The `tenant` of a person's address; nothing for an address that person() does not make.
std::optional<std::string_view> tenant_of(std::string_view email);
// Something one would type to find that person: the full name, part of the address, or a typo.
std::string query_for(const NewUser& person, std::uint64_t n);

// The body of POST /users/create.
std::string create_body(const NewUser& person);
// The body of POST /api/v1/events/analytics: event n of one of `users` users; filled up to `size`
// bytes where it is shorter.
std::string event_body(std::uint64_t n, std::uint64_t users = 10'000, std::size_t size = 0);
// `count` lines of NDJSON with events n, n+1, …
std::string event_lines(std::uint64_t n, int count, std::uint64_t users = 10'000,
                        std::size_t size = 0);

}  // namespace mesh::load
