// Where a reader stands in a topic: an offset per partition, "0:17,1:4" in the API.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::client {

using Positions = std::map<std::int32_t, std::int64_t>;

std::string format_positions(const Positions& positions);
Result<Positions> parse_positions(std::string_view text);  // `invalid` for anything else

}  // namespace mesh::client
