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

// An error that names one member of a body.
tl::unexpected<Error> bad_member(std::string_view name, const std::string& detail);

// Refuses members that are not in `allowed`, with a pointer each.
Status only_members(const Json& object, std::initializer_list<std::string_view> allowed);

// Nothing where the member is missing.
Result<std::optional<std::string>> string_member(const Json& object, std::string_view name);
Result<std::optional<std::int64_t>> int_member(const Json& object, std::string_view name);
// false where it is missing.
Result<bool> bool_member(const Json& object, std::string_view name);

}  // namespace mesh
