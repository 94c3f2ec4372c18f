// Client certificates → who their holder is.
//
// SPIFFE's own libraries know X.509-SVIDs alone; a proxy's rules (Envoy's RBAC) live in the proxy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/client_certificate.h"
#include "common/domain/tenant.h"

namespace mesh::auth {

struct CertificateOptions {
  // "spiffe://mesh.example.org/{tenant}/{user}", "CN={tenant}:{user}"; empty: nobody.
  std::string user;
  std::vector<std::string> operators;  // "spiffe://mesh.example.org/operator", "CN=ops"
};

// Constant, any thread. A rule looks at the URIs of a certificate or, where it begins with "CN=",
// at its common names, and compares byte by byte. A certificate is of its holder only where it has
// one name of that sort, and one rule matches: two names are two identities.
class CertificateRules {
 public:
  // `invalid` for a rule that could be read in two ways, or never matches.
  static Result<CertificateRules> create(const CertificateOptions& options);

  // Operators (Principal::Kind::operator_, by name) or a tenant's user; nothing for a certificate
  // that names neither. `unauthenticated` for one that names several, or expired since the
  // handshake.
  Result<std::optional<Principal>> holder(const ClientCertificate& certificate,
                                          Timestamp now) const;

 private:
  struct Rule {
    bool common_name = false;
    std::string before, between, after;  // around the places; an operator's is `before` alone
    bool tenant_first = true;
    bool for_operator = false;
  };
  static Result<Rule> parse_operator(const std::string& text);
  static Result<Rule> parse_user(const std::string& text);
  static std::optional<Principal> match(const Rule& rule, std::string_view name);
  std::vector<Rule> rules_;
};

}  // namespace mesh::auth
