#include "common/auth/authenticator.h"

#include "common/auth/jwt.h"
#include "common/base/strings.h"

namespace mesh::auth {
namespace {

constexpr std::size_t kShortestOperatorToken = 32;

// One text for every token that nobody trusted signed, so that a client learns nothing from trying.
tl::unexpected<Error> bad_token(std::string reason) {
  return fail(ErrorKind::unauthenticated, "the credential is not valid", std::move(reason));
}

// Whoever holds a signed token may know why it does not serve.
tl::unexpected<Error> bad_claims(const std::string& reason) {
  return fail(ErrorKind::unauthenticated, "the credential is not valid: " + reason, reason);
}

// The one token of "Bearer <token>"; nothing for any other form.
std::optional<std::string_view> bearer_token(std::string_view header) {
  constexpr std::string_view kScheme = "bearer";
  header = trim(header);
  if (header.size() <= kScheme.size() || to_lower(header.substr(0, kScheme.size())) != kScheme ||
      header[kScheme.size()] != ' ') {
    return std::nullopt;
  }
  const auto token = trim(header.substr(kScheme.size()));
  if (token.empty() || token.find_first_of(" \t") != std::string_view::npos) return std::nullopt;
  return token;
}

// The tenant that header and parameter name, if any.
Result<std::optional<TenantId>> named_tenant(const Credential& credential) {
  std::optional<TenantId> named;
  const std::pair<const char*, const std::optional<std::string>&> places[] = {
      {"X-Tenant-Id", credential.tenant_header}, {"tenant_id", credential.tenant_param}};
  for (const auto& [place, text] : places) {
    if (!text) continue;
    auto tenant = TenantId::parse(*text);
    if (!tenant) {
      return fail(ErrorKind::invalid, std::string(place) +
                                          " is not a tenant id: 1 to 63 of a-z, "
                                          "0-9 and -, with no - at the ends");
    }
    if (named && *named != *tenant) {
      return fail(ErrorKind::invalid, "X-Tenant-Id and tenant_id name different tenants");
    }
    named = std::move(*tenant);
  }
  return named;
}

// That a tenant's own credential is asked for no other tenant.
Status check_named(const Credential& credential, const TenantId& own) {
  for (const auto* text : {&credential.tenant_header, &credential.tenant_param}) {
    // A text that is no tenant id is a mistake (invalid), not a try at another's data.
    if (*text && **text != own.str() && TenantId::parse(**text)) {
      return fail(ErrorKind::forbidden, "the credential is for another tenant");
    }
  }
  (void)MESH_TRY(named_tenant(credential));
  return {};
}

class TokenAuthenticator final : public Authenticator {
 public:
  TokenAuthenticator(const Options& options, std::optional<JwtVerifier> jwt,
                     CertificateRules certificates, const Clock& clock)
      : jwt_(std::move(jwt)),
        certificates_(std::move(certificates)),
        clock_(clock),
        anonymous_tenant_(options.anonymous_tenant),
        operator_token_length_(options.operator_token.size()),
        operator_token_hash_(sha256_hex(options.operator_token)) {
    for (const auto& [token, tenant] : options.own_tokens) {
      own_tokens_.emplace_back(sha256_hex(token), tenant);
    }
  }

  Result<Principal> authenticate(const Credential& credential, Wanted wanted) override {
    std::optional<Principal> holder;
    if (credential.certificate) {
      holder = MESH_TRY(certificates_.holder(*credential.certificate, clock_.now()));
    }
    if (!credential.authorization && !credential.operators_session) {
      return holder ? authenticate_holder(credential, *std::move(holder), wanted)
                    : authenticate_nobody(credential, wanted);
    }
    auto principal = MESH_TRY(authenticate_token(credential, wanted));
    // The one could be had without the other, and both together are to open no more than either.
    if (holder && holder->kind == Principal::Kind::tenant_user &&
        (principal.kind != Principal::Kind::tenant_user || principal.tenant != holder->tenant)) {
      return fail(ErrorKind::forbidden,
                  "the token is not of the tenant that the client certificate names");
    }
    return principal;
  }

 private:
  Result<Principal> authenticate_token(const Credential& credential, Wanted wanted) {
    if (!credential.authorization) {
      return authenticate_operator(credential, wanted, *credential.operators_session);
    }
    const auto token = bearer_token(*credential.authorization);
    if (!token) return bad_token("Authorization is not `Bearer <token>`");
    // Before the others: what an operator's token looks like is its owner's choice.
    if (is_operator(*token)) return authenticate_operator(credential, wanted);
    if (const auto* tenant = own_tenant(*token)) {
      return authenticate_user(credential, {Principal::Kind::tenant_user, *tenant, "mesh"}, wanted);
    }
    auto subject = MESH_TRY(tenant_user(*token));
    return authenticate_user(
        credential,
        {Principal::Kind::tenant_user, std::move(subject.tenant), std::move(subject.user)}, wanted);
  }

  static Result<Principal> authenticate_user(const Credential& credential, Principal user,
                                             Wanted wanted) {
    if (wanted == Wanted::operator_) {
      return fail(ErrorKind::forbidden, "this needs the operator's token");
    }
    MESH_TRY(check_named(credential, *user.tenant));
    return user;
  }

  static Result<Principal> authenticate_holder(const Credential& credential, Principal holder,
                                               Wanted wanted) {
    if (holder.kind == Principal::Kind::operator_) {
      return authenticate_operator(credential, wanted, std::move(holder.user));
    }
    return authenticate_user(credential, std::move(holder), wanted);
  }

  // The length is no secret; comparing hashes hides the rest, and only a token of the right length
  // costs one.
  bool is_operator(std::string_view token) const {
    return token.size() == operator_token_length_ &&
           equal_constant_time(sha256_hex(token), operator_token_hash_);
  }

  // Null: not one of the process's own.
  const TenantId* own_tenant(std::string_view token) const {
    if (own_tokens_.empty()) return nullptr;
    const auto hash = sha256_hex(token);
    for (const auto& [own, tenant] : own_tokens_) {
      if (equal_constant_time(hash, own)) return &tenant;
    }
    return nullptr;
  }

  Result<TokenSubject> tenant_user(std::string_view token) const {
    if (jwt_) {
      const auto claims = jwt_->open(token);
      if (!claims) {
        if (claims.error().kind != ErrorKind::unauthenticated) return fail(claims.error());
        return bad_token(claims.error().message);
      }
      auto subject = jwt_->subject(*claims);
      if (!subject) return bad_claims(subject.error().message);
      return subject;
    }
    auto dev = parse_dev_token(token);
    if (!dev) return bad_token(dev.error().message);
    return TokenSubject{std::move(dev->tenant), std::move(dev->user)};
  }

  Result<Principal> authenticate_nobody(const Credential& credential, Wanted wanted) const {
    if (wanted != Wanted::tenant_or_anonymous || !anonymous_tenant_) {
      return fail(ErrorKind::unauthenticated,
                  "a credential is needed: send `Authorization: Bearer <token>`");
    }
    auto named = MESH_TRY(named_tenant(credential));
    return Principal{Principal::Kind::tenant_user, named.value_or(*anonymous_tenant_), "anonymous"};
  }

  static Result<Principal> authenticate_operator(const Credential& credential, Wanted wanted,
                                                 std::string user = "operator") {
    if (wanted == Wanted::operator_) {
      return Principal{Principal::Kind::operator_, std::nullopt, std::move(user)};
    }
    auto named = MESH_TRY(named_tenant(credential));
    if (!named) {
      return fail(ErrorKind::invalid,
                  "the operator's token acts for a tenant; name it with X-Tenant-Id or tenant_id");
    }
    return Principal{Principal::Kind::operator_for_tenant, std::move(named), std::move(user)};
  }

  const std::optional<JwtVerifier> jwt_;  // nothing: dev tokens
  const CertificateRules certificates_;
  const Clock& clock_;
  const std::optional<TenantId> anonymous_tenant_;
  const std::size_t operator_token_length_;
  const std::string operator_token_hash_;
  std::vector<std::pair<std::string, TenantId>> own_tokens_;  // by their hashes
};

}  // namespace

Result<std::unique_ptr<Authenticator>> Authenticator::create(Options options, Clock& clock) {
  if (options.operator_token.size() < kShortestOperatorToken) {
    return fail(ErrorKind::invalid, "the operator's token is shorter than 32 characters");
  }
  std::optional<JwtVerifier> jwt;
  if (!options.dev) {
    if (options.anonymous_tenant) {
      return fail(ErrorKind::invalid, "an anonymous tenant is for dev tokens only");
    }
    jwt = MESH_TRY(JwtVerifier::create(options.jwt, clock));
  }
  auto certificates = MESH_TRY(CertificateRules::create(options.certificates));
  return std::make_unique<TokenAuthenticator>(options, std::move(jwt), std::move(certificates),
                                              clock);
}

}  // namespace mesh::auth
