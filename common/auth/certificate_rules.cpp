#include "common/auth/certificate_rules.h"

#include "common/base/strings.h"

namespace mesh::auth {
namespace {

constexpr std::string_view kCommonName = "CN=";
constexpr std::string_view kTenant = "{tenant}";
constexpr std::string_view kUser = "{user}";
constexpr std::size_t kLongestNamedUser = 128;

bool is_of_tenant(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }
bool is_of_user(char c) {
  return is_of_tenant(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '@';
}

// Takes the longest part of that sort from the front.
std::string_view take(std::string_view& text, bool (*is_of)(char)) {
  const auto end = std::ranges::find_if_not(text, is_of);
  const auto part = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(part.size());
  return part;
}

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

tl::unexpected<Error> bad(const std::string& rule, const std::string& why) {
  return fail(ErrorKind::invalid, "\"" + rule + "\" " + why);
}

// Nothing where it is neither.
std::optional<bool> is_common_name(std::string_view rule) {
  if (rule.starts_with(kCommonName)) return true;
  return rule.find("://") == std::string_view::npos ? std::nullopt : std::optional(false);
}

constexpr const char* kForms = "is neither a URI, as spiffe://mesh.example.org/…, nor CN=…";

}  // namespace

Result<CertificateRules::Rule> CertificateRules::parse_operator(const std::string& text) {
  const auto common_name = is_common_name(text);
  if (!common_name) return bad(text, kForms);
  Rule rule;
  rule.for_operator = true;
  rule.common_name = *common_name;
  rule.before = text.substr(*common_name ? kCommonName.size() : 0);
  if (rule.before.empty()) return bad(text, "has no name");
  // A place that anybody could fill would make anybody an operator.
  if (rule.before.find_first_of("{}*") != std::string::npos) {
    return bad(text, "has { } or * in it; operators are named whole");
  }
  return rule;
}

Result<CertificateRules::Rule> CertificateRules::parse_user(const std::string& text) {
  const auto common_name = is_common_name(text);
  if (!common_name) return bad(text, kForms);
  const std::string body = text.substr(*common_name ? kCommonName.size() : 0);
  const auto tenant = body.find(kTenant), user = body.find(kUser);
  if (tenant == std::string::npos || user == std::string::npos ||
      std::ranges::count(body, '{') != 2 || std::ranges::count(body, '}') != 2) {
    return bad(text, "does not have {tenant} and {user}, each once");
  }
  Rule rule;
  rule.common_name = *common_name;
  rule.tenant_first = tenant < user;
  const auto first = std::min(tenant, user), second = std::max(tenant, user);
  const auto first_end = first + (rule.tenant_first ? kTenant : kUser).size();
  const auto second_end = second + (rule.tenant_first ? kUser : kTenant).size();
  rule.before = body.substr(0, first);
  rule.between = body.substr(first_end, second - first_end);
  rule.after = body.substr(second_end);
  const auto ends = [](const std::string& literal, bool is_tenant, bool may_be_empty) {
    if (literal.empty()) return may_be_empty;
    return !(is_tenant ? is_of_tenant : is_of_user)(literal.front());
  };
  if (!ends(rule.between, rule.tenant_first, false) ||
      !ends(rule.after, !rule.tenant_first, true)) {
    return bad(text,
               "could be read in two ways: what stands behind {tenant} or {user} may be part of "
               "it; put a character there that they cannot hold, as / or :");
  }
  return rule;
}

std::optional<Principal> CertificateRules::match(const Rule& rule, std::string_view name) {
  if (rule.for_operator) {
    if (name != rule.before) return std::nullopt;
    return Principal{Principal::Kind::operator_, std::nullopt, std::string(name)};
  }
  if (!take_word(name, rule.before)) return std::nullopt;
  const auto first = take(name, rule.tenant_first ? is_of_tenant : is_of_user);
  if (!take_word(name, rule.between)) return std::nullopt;
  const auto second = take(name, rule.tenant_first ? is_of_user : is_of_tenant);
  if (name != rule.after) return std::nullopt;
  auto tenant = TenantId::parse(rule.tenant_first ? first : second);
  const auto user = rule.tenant_first ? second : first;
  if (!tenant || user.empty() || user.size() > kLongestNamedUser) return std::nullopt;
  return Principal{Principal::Kind::tenant_user, *std::move(tenant), std::string(user)};
}

Result<CertificateRules> CertificateRules::create(const CertificateOptions& options) {
  CertificateRules made;
  if (!options.user.empty()) made.rules_.push_back(MESH_TRY(parse_user(options.user)));
  for (const auto& text : options.operators) {
    auto rule = MESH_TRY(parse_operator(text));
    const auto same = [&](const Rule& other) {
      return !other.for_operator && other.common_name == rule.common_name &&
             match(other, rule.before);
    };
    if (std::ranges::any_of(made.rules_, same)) {
      return bad(text, "is a tenant's user by auth.client_certificate.user, too");
    }
    made.rules_.push_back(std::move(rule));
  }
  return made;
}

Result<std::optional<Principal>> CertificateRules::holder(const ClientCertificate& certificate,
                                                          Timestamp now) const {
  std::optional<Principal> found;
  for (const auto& rule : rules_) {
    const auto& names = rule.common_name ? certificate.common_names : certificate.uris;
    for (const auto& name : names) {
      auto matched = match(rule, name);
      if (!matched) continue;
      if (found || names.size() > 1) {
        return fail(ErrorKind::unauthenticated,
                    "the client certificate names more than one identity");
      }
      found = std::move(matched);
    }
  }
  if (found && certificate.not_after < now) {
    return fail(ErrorKind::unauthenticated, "the client certificate has expired; connect anew");
  }
  return found;
}

}  // namespace mesh::auth
