// What the users of a tenant may do with its credentials, as the tenant's record says.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

// What each may ask is said by the routes: http::Route::token_roles.
enum class TokenRole : std::size_t {
  reader,     // look, and change nothing
  publisher,  // publish events and see what became of them, and nothing else
  writer,     // all that a tenant may do
};
inline constexpr std::array kTokenRoles{TokenRole::reader, TokenRole::publisher, TokenRole::writer};
std::string_view to_string(TokenRole role);
std::optional<TokenRole> token_role_of(std::string_view name);

// By the token's user, else the default.
struct TokenRoles {
  static constexpr std::size_t kMaxUsers = 1'000;
  static constexpr std::size_t kMaxUserBytes = 255;  // as in tokens

  TokenRole fallback = TokenRole::writer;
  std::map<std::string, TokenRole, std::less<>> users = {};

  // Nothing is said: all are writers.
  bool empty() const { return fallback == TokenRole::writer && users.empty(); }
  TokenRole of(std::string_view user) const;
  // Where the record says so: "roles.users.alice", "roles.default".
  std::string place_of(std::string_view user) const;
  bool operator==(const TokenRoles&) const = default;
};

// {"default":"reader","users":{"ingest-bot":"publisher"}}, without what says no more than is so
// anyway.
Json to_json(const TokenRoles& roles);
// `unprocessable` with a pointer for each fault, `at` in front.
Result<TokenRoles> token_roles_from_json(const Json& json, const std::string& at);

}  // namespace mesh
