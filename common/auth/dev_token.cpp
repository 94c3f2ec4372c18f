#include <algorithm>

#include "common/auth/authenticator.h"

namespace mesh::auth {

Result<DevToken> parse_dev_token(std::string_view token) {
  constexpr std::size_t kLongestUser = 128;
  const auto is_user_char = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._@-").find(c) != std::string_view::npos;
  };
  // Neither part can hold a colon, so that one token has one reading.
  const auto colon = token.find(':');
  if (colon == std::string_view::npos || token.find(':', colon + 1) != std::string_view::npos) {
    return fail(ErrorKind::invalid, "a dev token is <tenant>:<user>, with one colon");
  }
  auto tenant = MESH_TRY(TenantId::parse(token.substr(0, colon)));
  const auto user = token.substr(colon + 1);
  if (user.empty() || user.size() > kLongestUser || !std::ranges::all_of(user, is_user_char)) {
    return fail(ErrorKind::invalid,
                "the user of a dev token is 1 to 128 of A-Z, a-z, 0-9, '.', '_', '@' and '-'");
  }
  return DevToken{std::move(tenant), std::string(user)};
}

}  // namespace mesh::auth
