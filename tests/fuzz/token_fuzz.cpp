// Credentials: nothing unsigned verifies, and what a token says is read in one way.
//
// An input is a token; or, where it begins with '{', claims that are signed here and must satisfy
// the rules on their own: so the fuzzer gets behind the signature. A line break separates a header
// from the claims.
#include "common/auth/authenticator.h"
#include "common/auth/jwt.h"
#include "common/base/hmac.h"
#include "common/base/json.h"
#include "common/base/strings.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/keys.h"
#include "tests/support/manual_clock.h"

namespace mesh::fuzz {
namespace {

ManualClock& clock() {
  static auto& made = *new ManualClock;
  return made;
}

auth::JwtOptions jwt_options() {
  return {.issuer = "https://issuer.example",
          .audience = "mesh",
          .jwks = std::string(kJwks),
          .hs256_secret = std::string(kSecret)};
}

const auth::JwtVerifier& verifier() {
  static const auto& made =
      *new auth::JwtVerifier(auth::JwtVerifier::create(jwt_options(), clock()).value());
  return made;
}

Result<auth::TokenSubject> verify(std::string_view token) {
  const auto claims = MESH_TRY(verifier().open(token));
  return verifier().subject(claims);
}

auth::Authenticator& authenticator(bool dev) {
  static const auto make = [](bool with_dev_tokens) {
    auth::Options options;
    options.dev = with_dev_tokens;
    options.operator_token = kOperatorToken;
    if (!with_dev_tokens) options.jwt = jwt_options();
    return auth::Authenticator::create(options, clock()).value().release();
  };
  static auto& with_dev = *make(true);
  static auto& with_jwt = *make(false);
  return dev ? with_dev : with_jwt;
}

// What was signed before the fuzzer came.
bool is_known(std::string_view token) {
  const auto input = token.substr(0, token.rfind('.'));
  for (const auto known : kSignedTokens) {
    if (known.substr(0, known.rfind('.')) == input) return true;
  }
  return false;
}

void check_token(std::string_view token) {
  const auto subject = verify(token);
  if (subject) {
    holds(is_known(token), "only what was signed with a key verifies");
  } else {
    holds(subject.error().kind == ErrorKind::unauthenticated, "a bad token is unauthenticated");
  }
  const auto dev = auth::parse_dev_token(token);
  if (dev) {
    holds(dev->tenant.str() + ":" + dev->user == token, "a dev token is its two parts");
    holds(!subject.has_value(), "no text is both a dev token and a JWT");
  }
  for (const bool with_dev : {true, false}) {
    for (const auto wanted : {auth::Wanted::tenant, auth::Wanted::operator_}) {
      const auto principal =
          authenticator(with_dev).authenticate({"Bearer " + std::string(token), {}, {}}, wanted);
      if (!principal) {
        holds(principal.error().message.find(token) == std::string::npos || token.size() < 32,
              "a refusal does not repeat the credential");
        continue;
      }
      if (principal->kind == Principal::Kind::operator_) {
        holds(trim(token) == kOperatorToken, "only the operator's token is the operator's");
        continue;
      }
      holds(wanted == auth::Wanted::tenant, "a tenant's token is not for operators");
      const auto word = trim(token);
      const auto parts = auth::parse_dev_token(word);
      holds(with_dev ? parts && parts->tenant == *principal->tenant : is_known(word),
            "the tenant comes from the credential");
    }
  }
  // The same as the whole header, and as the tenant that a request names.
  const std::string text(token);
  const auto header = authenticator(true).authenticate({text, {}, {}}, auth::Wanted::tenant);
  holds(!header || to_lower(trim(token)).starts_with("bearer "), "the scheme is Bearer");
  const auto named =
      authenticator(true).authenticate({"Bearer acme:alice", text, text}, auth::Wanted::tenant);
  holds(named ? named->tenant->str() == "acme" && text == "acme"
              : named.error().kind == ErrorKind::forbidden ||
                    named.error().kind == ErrorKind::invalid,
        "a request cannot choose its tenant");
}

bool is_time(const Json& claims, const char* name, bool required, double least, double most) {
  const auto found = claims.find(name);
  if (found == claims.end()) return !required;
  return found->is_number() && found->get<double>() >= least && found->get<double>() <= most;
}

bool names_audience(const Json& claims) {
  const auto found = claims.find("aud");
  if (found == claims.end()) return false;
  return *found == "mesh" ||
         (found->is_array() && std::ranges::find(*found, "mesh") != found->end());
}

void check_claims(std::string_view header, std::string_view text) {
  const auto input = base64url_encode(header) + "." + base64url_encode(text);
  const auto subject = verify(input + "." + base64url_encode(mesh::hmac_sha256(kSecret, input)));
  if (!subject) return;
  const auto head = parse_json(header);
  holds(head && head->is_object() && (*head)["alg"] == "HS256", "the header names the algorithm");
  for (const char* name : {"crit", "jwk", "jku", "x5u", "enc"}) {
    holds(!head->contains(name), "a header with what is not understood is refused");
  }
  const auto claims = parse_json(text);
  holds(claims && claims->is_object(), "claims are an object without duplicates");
  holds((*claims)["iss"] == "https://issuer.example", "the issuer is ours");
  holds(names_audience(*claims), "the audience is us");
  const double now = static_cast<double>(clock().now().time_since_epoch().count()) / 1000;
  holds(is_time(*claims, "exp", true, now - 30, 253'402'300'799), "a token has not expired");
  holds(is_time(*claims, "nbf", false, 0, now + 30), "a token has begun");
  holds(is_time(*claims, "iat", false, 0, now + 30), "a token has been made");
  holds((*claims)["tenant_id"] == subject->tenant.str(), "the tenant is the claim's");
  holds((*claims)["sub"] == subject->user && is_printable(subject->user), "the user is sub");
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh::fuzz;
  const auto text = text_of(data, size);
  if (!text.starts_with('{')) {
    check_token(text);
    return 0;
  }
  const auto line = text.find('\n');
  if (line == text.npos) {
    check_claims(R"({"alg":"HS256","typ":"JWT"})", text);
  } else {
    check_claims(text.substr(0, line), text.substr(line + 1));
  }
  return 0;
}
