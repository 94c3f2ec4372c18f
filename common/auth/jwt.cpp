#include "common/auth/jwt.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "common/auth/remote_keys.h"
#include "common/base/hmac.h"
#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::auth {
namespace {

constexpr std::size_t kLongestToken = 8192;
constexpr std::size_t kLongestKid = 256;
constexpr std::size_t kLongestUser = 255;
constexpr std::size_t kShortestSecret = 32;
constexpr int kMostTriedKeys = 4;  // of a token that does not say which
// Far larger numbers would not fit as milliseconds.
constexpr double kLatest = 253'402'300'799;  // 9999-12-31T23:59:59Z

tl::unexpected<Error> refuse(std::string why) {
  return fail(ErrorKind::unauthenticated, std::move(why));
}

// A part of the token: base64url of a JSON object. The bounded parser refuses duplicate members.
Result<Json> decode_object(std::string_view part, const char* name) {
  const auto text = base64url_decode(part);
  if (!text) return refuse(std::string(name) + " is not base64url");
  auto value = parse_json(*text, {.max_depth = 8, .max_bytes = kLongestToken});
  if (!value) return refuse(std::string(name) + ": " + value.error().message);
  if (!value->is_object()) return refuse(std::string(name) + " is not a JSON object");
  return value;
}

const std::string* string_member(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  return found != object.end() ? found->get_ptr<const std::string*>() : nullptr;
}

Status check_header(const Json& header) {
  // None of the extensions that `crit` could name is understood, no key is taken from a token,
  // and what has `enc` or `zip` is no plain signature.
  static constexpr std::array kRefused = {"crit", "jwk", "jku", "x5u", "x5c", "b64", "enc", "zip"};
  for (const char* name : kRefused) {
    if (header.contains(name)) return refuse(std::string("the header has ") + name);
  }
  if (header.contains("typ")) {
    const auto* type = string_member(header, "typ");
    const auto lower = type != nullptr ? to_lower(*type) : "";
    if (lower != "jwt" && lower != "at+jwt" && lower != "application/at+jwt") {
      return refuse("typ is not that of an access token");
    }
  }
  return {};
}

// A NumericDate in milliseconds: a number from 0 to the year 9999.
std::optional<std::int64_t> numeric_date(const Json& value) {
  if (!value.is_number()) return std::nullopt;
  const double seconds = value.get<double>();
  if (!(seconds >= 0 && seconds <= kLatest)) return std::nullopt;
  return static_cast<std::int64_t>(std::floor(seconds * 1000));
}

struct Trial {
  bool good = false;
  bool known = false;  // a key has the kid
  int tried = 0;
};

void try_keys(const PublicKeys& keys, std::string_view kid, Algorithm algorithm,
              std::string_view input, std::string_view signature, Trial& trial) {
  for (const auto& key : keys) {
    if (!kid.empty() && key.kid == kid) trial.known = true;
    if (!kid.empty() && !key.kid.empty() && key.kid != kid) continue;
    if (!key.allows(algorithm)) continue;
    if (++trial.tried > kMostTriedKeys) return;
    trial.good = verify_signature(algorithm, key.key.get(), input, signature);
    if (trial.good) return;
  }
}

}  // namespace

Result<JwtVerifier> JwtVerifier::create(const JwtOptions& options, const Clock& clock) {
  const auto bad = [](const std::string& what) { return fail(ErrorKind::invalid, what); };
  if (options.issuer.empty()) return bad("JWT: no issuer is configured");
  // Without it, tokens that the issuer made for other services would open this one.
  if (options.audience.empty()) return bad("JWT: no audience is configured");
  if (options.tenant_claim.empty()) return bad("JWT: no tenant claim is configured");
  if (options.leeway.count() < 0 || options.leeway > std::chrono::seconds{60}) {
    return bad("JWT: the leeway is not between 0 and 60 s");
  }
  if (options.jwks.empty() && options.hs256_secret.empty() && options.remote_keys == nullptr) {
    return bad("JWT: neither a JWKS nor an HS256 secret is configured");
  }
  std::optional<Json::json_pointer> tenant_pointer;
  if (options.tenant_claim.starts_with('/')) {
    try {
      tenant_pointer.emplace(options.tenant_claim);
    } catch (const Json::exception&) {
      return bad(
          "JWT: the tenant claim is no JSON pointer: in one ~ is written ~0, / in a name ~1");
    }
  }
  if (!options.hs256_secret.empty() && options.hs256_secret.size() < kShortestSecret) {
    return bad("JWT: the HS256 secret is shorter than 32 bytes");
  }
  PublicKeys keys;
  if (!options.jwks.empty()) {
    keys = MESH_TRY(parse_jwks(options.jwks));
  }
  return JwtVerifier(options, std::move(tenant_pointer), std::move(keys), clock);
}

Result<Json> JwtVerifier::open(std::string_view token) const {
  if (token.size() > kLongestToken) return refuse("longer than 8 KiB");
  const auto first = token.find('.');
  const auto last = token.rfind('.');
  if (first == last || token.find('.', first + 1) != last) {
    return refuse("not the three parts of a signed token");
  }
  const auto header = MESH_TRY(decode_object(token.substr(0, first), "header"));
  MESH_TRY(check_header(header));
  const auto signature = base64url_decode(token.substr(last + 1));
  if (!signature || signature->empty()) return refuse("the signature is empty or not base64url");
  // Nothing of the claims is looked at before the signature is known to be good.
  MESH_TRY(check_signature(header, token.substr(0, last), *signature));
  return decode_object(token.substr(first + 1, last - first - 1), "claims");
}

Result<TokenSubject> JwtVerifier::subject(const Json& claims) const {
  MESH_TRY(check_times(claims));
  const auto* issuer = string_member(claims, "iss");
  if (issuer == nullptr || *issuer != options_.issuer) return refuse("iss is not the issuer");
  MESH_TRY(check_audience(claims));
  const auto* user = string_member(claims, "sub");
  if (user == nullptr || user->empty() || user->size() > kLongestUser || !is_printable(*user)) {
    return refuse("sub is missing, too long or not printable");
  }
  const auto* tenant = tenant_of(claims);
  if (tenant == nullptr) return refuse("no claim " + options_.tenant_claim);
  auto id = TenantId::parse(*tenant);
  if (!id) return refuse("the claim " + options_.tenant_claim + " is not a tenant id");
  return TokenSubject{std::move(*id), *user};
}

const std::string* JwtVerifier::tenant_of(const Json& claims) const {
  if (!tenant_pointer_) return string_member(claims, options_.tenant_claim);
  try {
    if (!claims.contains(*tenant_pointer_)) return nullptr;
    return claims.at(*tenant_pointer_).get_ptr<const std::string*>();
  } catch (const Json::exception&) {  // an index that no array has
    return nullptr;
  }
}

// The token says which algorithm; which ones are possible is the key's to say. A public key is
// never a secret here: HS256 knows only the configured secret.
Status JwtVerifier::check_signature(const Json& header, std::string_view input,
                                    std::string_view signature) const {
  const auto* name = string_member(header, "alg");
  const auto algorithm = name != nullptr ? parse_algorithm(*name) : std::nullopt;
  if (!algorithm) return refuse("alg is missing or not allowed");
  std::string_view kid;
  if (header.contains("kid")) {
    const auto* text = string_member(header, "kid");
    if (text == nullptr || text->empty() || text->size() > kLongestKid || !is_printable(*text)) {
      return refuse("kid is not a short text");
    }
    kid = *text;
  }
  if (*algorithm == Algorithm::hs256) {
    if (options_.hs256_secret.empty()) return refuse("alg HS256 is not allowed");
    if (equal_constant_time(hmac_sha256(options_.hs256_secret, input), signature)) return {};
    return refuse("the signature is wrong");
  }
  Trial trial;
  try_keys(keys_, kid, *algorithm, input, signature, trial);
  if (trial.good) return {};
  if (options_.remote_keys != nullptr) {
    const auto remote = options_.remote_keys->keys();
    if (remote) try_keys(*remote, kid, *algorithm, input, signature, trial);
    if (trial.good) return {};
    // A new key, or none: that is known only when the issuer has been asked.
    if (!remote || (!kid.empty() && !trial.known)) {
      if (auto wait = options_.remote_keys->ask_again()) {
        Error error{ErrorKind::unavailable,
                    "the credential cannot be checked: the issuer's keys are not there yet",
                    {},
                    {},
                    {}};
        error.retry_after = *wait;
        return fail(std::move(error));
      }
    }
  }
  return refuse(trial.tried == 0 ? "no key for its kid and alg" : "the signature is wrong");
}

Status JwtVerifier::check_times(const Json& claims) const {
  const std::int64_t now = clock_->now().time_since_epoch().count();
  const std::int64_t leeway = std::chrono::milliseconds(options_.leeway).count();
  // A token that never ends cannot be withdrawn.
  if (!claims.contains("exp")) return refuse("no exp");
  const auto expires = numeric_date(claims["exp"]);
  if (!expires) return refuse("exp is not a time");
  if (now >= *expires + leeway) return refuse("expired");
  for (const char* name : {"nbf", "iat"}) {
    if (!claims.contains(name)) continue;
    const auto begins = numeric_date(claims[name]);
    if (!begins) return refuse(std::string(name) + " is not a time");
    if (now + leeway < *begins) return refuse(std::string(name) + " is in the future");
  }
  return {};
}

Status JwtVerifier::check_audience(const Json& claims) const {
  const auto found = claims.find("aud");
  if (found == claims.end()) return refuse("no aud");
  const bool matches =
      found->is_array()
          ? std::ranges::all_of(*found, [](const Json& one) { return one.is_string(); }) &&
                std::ranges::any_of(*found,
                                    [this](const Json& one) { return one == options_.audience; })
          : found->is_string() && *found == options_.audience;
  if (!matches) return refuse("aud does not hold the audience");
  return {};
}

}  // namespace mesh::auth
