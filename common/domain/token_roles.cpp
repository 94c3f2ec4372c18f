#include "common/domain/token_roles.h"

#include "common/base/json_members.h"
#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr std::array<std::string_view, kTokenRoles.size()> kNames{"reader", "publisher", "writer"};
constexpr const char* kNoRole = "must be a role: reader, publisher or writer";

std::optional<TokenRole> role_from(const Json& json) {
  return json.is_string() ? token_role_of(json.get_ref<const std::string&>()) : std::nullopt;
}

}  // namespace

std::string_view to_string(TokenRole role) { return kNames[static_cast<std::size_t>(role)]; }

std::optional<TokenRole> token_role_of(std::string_view name) {
  for (const TokenRole role : kTokenRoles) {
    if (to_string(role) == name) return role;
  }
  return std::nullopt;
}

TokenRole TokenRoles::of(std::string_view user) const {
  const auto it = users.find(user);
  return it == users.end() ? fallback : it->second;
}

std::string TokenRoles::place_of(std::string_view user) const {
  return users.contains(user) ? "roles.users." + std::string(user) : "roles.default";
}

Json to_json(const TokenRoles& roles) {
  Json json = Json::object();
  if (roles.fallback != TokenRole::writer) json["default"] = to_string(roles.fallback);
  for (const auto& [user, role] : roles.users) json["users"][user] = to_string(role);
  return json;
}

Result<TokenRoles> token_roles_from_json(const Json& json, const std::string& at) {
  Error error{ErrorKind::unprocessable, "the roles are not valid", {}, {}, {}};
  const auto wrong = [&](std::string pointer, std::string detail) {
    error.fields.push_back({std::move(pointer), std::move(detail)});
  };
  if (!json.is_object()) {
    wrong(at, "must be an object of `default` and `users`");
    return fail(std::move(error));
  }
  TokenRoles roles;
  const auto take_users = [&](const Json& users) {
    const std::string here = at + "/users";
    if (!users.is_object()) return wrong(here, "must be an object of roles by user");
    if (users.size() > TokenRoles::kMaxUsers) {
      return wrong(here, "must have at most " + std::to_string(TokenRoles::kMaxUsers) +
                             " users; `default` is for the others");
    }
    for (const auto& [user, value] : users.items()) {
      const auto role = role_from(value);
      if (user.empty() || user.size() > TokenRoles::kMaxUserBytes || !is_printable(user)) {
        wrong(here + pointer_to(user), "is no user: a name has 1 to " +
                                           std::to_string(TokenRoles::kMaxUserBytes) +
                                           " printable bytes");
      } else if (!role) {
        wrong(here + pointer_to(user), kNoRole);
      } else {
        roles.users[user] = *role;
      }
    }
  };
  for (const auto& [name, value] : json.items()) {
    if (name == "default") {
      const auto role = role_from(value);
      role ? void(roles.fallback = *role) : wrong(at + "/default", kNoRole);
    } else if (name == "users") {
      take_users(value);
    } else {
      wrong(at + pointer_to(name), "is not a member of roles: they are default and users");
    }
  }
  if (!error.fields.empty()) return fail(std::move(error));
  return roles;
}

}  // namespace mesh
