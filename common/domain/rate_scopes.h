// What rate limits are of: a request counts in the scope that its route names.
#pragma once

#include <array>
#include <string_view>

namespace mesh {

inline constexpr std::array<std::string_view, 4> kRateScopes{"search", "publish", "users", "admin"};
inline constexpr const char* kRateScopeNames = "search, publish, users or admin";

}  // namespace mesh
