// A meshd with tokens of a trusted issuer and two tenants side by side: `acme`, whose data hold
// secrets, and `evil`, who knows everything of acme's that can be guessed, but none of the secrets.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/daemon.h"
#include "tests/support/temp_dir.h"

namespace mesh::hostile {

inline constexpr const char* kVictim = "acme";
inline constexpr const char* kAttacker = "evil";
inline const std::vector<std::string> kRoles{"users", "gateway", "publisher", "subscriber",
                                             "admin"};

// Every secret begins with this; no request of an attacker holds it.
inline constexpr std::string_view kSecret = "qzsecret";

// Where bytes that reached an attacker hold a secret, plainly or within base64; empty: nowhere.
std::string find_secret(std::string_view bytes);

struct DescribedRoute {
  std::string role, method, pattern;
  std::string credential;  // "", "tenant", "operator"
  bool body = false;
  std::vector<std::string> query;  // names of the query parameters
};
std::vector<DescribedRoute> described_routes(e2e::Daemon& daemon);

class World {
 public:
  // `extra_config` is added to the configuration.
  explicit World(const std::string& extra_config = {});
  bool start();

  // Gives the victim users, events, dead letters, tasks, limits, kept answers; and the attacker
  // some of its own. Every datum of the victim's holds a secret.
  void plant();

  // All that the victim and the operator see of the victim, request by request.
  using State = std::map<std::string, std::string>;
  State victim_state();
  // Reads that the victim does all the time, with the answers it must get.
  struct Read {
    std::string role, bytes, body;
  };
  std::vector<Read> victim_reads();

  e2e::Answer as_victim(const std::string& role, const std::string& method,
                        const std::string& target, const std::string& body = {},
                        const http::HeaderList& headers = {});
  e2e::Answer as_operator(const std::string& method, const std::string& target,
                          const std::string& body = {});

  // What an attacker may know of the victim: e-mails, subjects, event ids, idempotency keys, tasks.
  const std::vector<std::string>& known() const { return known_; }
  const std::vector<std::string>& tasks() const { return tasks_; }
  const std::string& victim_token() const { return victim_token_; }
  const std::string& attacker_token() const { return attacker_token_; }

  test::TempDir dir;
  e2e::Daemon daemon;

 private:
  std::string victim_token_, attacker_token_;
  std::vector<std::string> known_, tasks_;
};

}  // namespace mesh::hostile
