// Members of a JSON object that a client sent, each of a checked type.
//
// What is wrong is `unprocessable` with the member's pointer. null is no value: a client that sends
// it had something in mind, and to take it for "not given" would make a filter mean everything and
// a dry run a real one. Whoever wants the default leaves the member out.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

// The JSON pointer (RFC 6901) of a member of the top level.
std::string pointer_to(std::string_view member);

// An error that names one member of a body.
tl::unexpected<Error> bad_member(std::string_view name, const std::string& detail);

// What is wrong with the value of a member: an `invalid` one is of this body, other errors stay.
tl::unexpected<Error> in_member(std::string_view name, Error error);

// Refuses members that are not in `allowed`, with a pointer each.
Status only_members(const Json& object, std::initializer_list<std::string_view> allowed);

// An integer, also where it is written as 7.0 or 7e2, which is the same number to JSON Schema and
// to most who write JSON; nothing for another value, and beyond 64 bits.
std::optional<std::int64_t> whole_number(const Json& value);

// Nothing where the member is missing.
Result<std::optional<std::string>> string_member(const Json& object, std::string_view name);
// A text of at least one character.
Result<std::optional<std::string>> text_member(const Json& object, std::string_view name);
Result<std::optional<std::int64_t>> int_member(const Json& object, std::string_view name);
// false where it is missing.
Result<bool> bool_member(const Json& object, std::string_view name);

}  // namespace mesh
