#include "cli/token.h"

#include "cli/settings.h"
#include "common/base/hmac.h"
#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/tenant.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kLeastSecret = 32;  // bytes: RFC 7518 §3.2

Status check_owner(const std::string& tenant, const std::string& user) {
  (void)MESH_TRY(TenantId::parse(tenant));
  const auto allowed = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) ||
           std::string_view("._@-").find(c) != std::string_view::npos;
  };
  if (user.empty() || user.size() > 128 || !std::all_of(user.begin(), user.end(), allowed)) {
    return fail(
        ErrorKind::invalid,
        "\"" + user + "\" is not a user; allowed are up to 128 letters, digits and . _ @ -");
  }
  return {};
}

std::int64_t seconds(Timestamp t) {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

Result<Json> decoded(std::string_view part) {
  const auto bytes = base64url_decode(part);
  if (!bytes) return fail(ErrorKind::invalid, "not base64url");
  return parse_json(*bytes);
}

}  // namespace

Result<std::string> dev_token(const std::string& tenant, const std::string& user) {
  MESH_TRY(check_owner(tenant, user));
  return tenant + ":" + user;
}

Result<std::string> mint_hs256(const MintRequest& request, std::string_view secret, Timestamp now) {
  MESH_TRY(check_owner(request.tenant, request.user));
  if (secret.size() < kLeastSecret) {
    return fail(ErrorKind::invalid, "the secret has " + std::to_string(secret.size() * 8) +
                                        " bits; HS256 needs at least 256");
  }
  // A token without them would be made and then refused everywhere.
  if (request.issuer.empty() || request.audience.empty()) {
    return fail(ErrorKind::invalid,
                "the server requires an issuer and an audience: give --issuer and --audience");
  }
  const Json header{{"alg", "HS256"}, {"typ", "JWT"}};
  const Json claims{{"iss", request.issuer},  {"aud", request.audience},
                    {"sub", request.user},    {request.tenant_claim, request.tenant},
                    {"iat", seconds(now)},    {"exp", seconds(now + request.ttl)},
                    {"jti", new_uuid_v7(now)}};
  const std::string content = base64url_encode(dump(header)) + "." + base64url_encode(dump(claims));
  return content + "." + base64url_encode(hmac_sha256(secret, content));
}

Json inspect_token(std::string_view token, Timestamp now) {
  const auto parts = split(token, '.');
  if (parts.size() == 3) {
    const auto header = decoded(parts[0]), claims = decoded(parts[1]);
    if (header && claims && header->is_object() && claims->is_object()) {
      Json result{{"kind", "jwt"},
                  {"header", *header},
                  {"claims", *claims},
                  {"expires_at", nullptr},
                  {"expired", nullptr}};
      const auto exp = claims->find("exp");
      if (exp != claims->end() && exp->is_number() && exp->get<double>() > 0 &&
          // Up to the year 9892: RFC 3339 has years of four digits only.
          exp->get<double>() < 2.5e11) {
        const Timestamp at{std::chrono::seconds{exp->get<std::int64_t>()}};
        result["expires_at"] = format_rfc3339(at);
        result["expired"] = at <= now;
      }
      return result;
    }
  }
  if (const auto owner = token_owner(token)) {
    return {{"kind", "dev"}, {"tenant", owner->tenant}, {"user", owner->user}};
  }
  return {{"kind", "opaque"}};
}

}  // namespace mesh::cli
