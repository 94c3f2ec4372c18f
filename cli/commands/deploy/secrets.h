// The Secret mesh-secrets: made once, its values changed only where a store has another one, never
// printed, logged or part of a command line.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "cli/commands/deploy/cluster.h"

namespace mesh::cli::deploy {

inline constexpr const char* kSecret = "mesh-secrets";
inline constexpr const char* kSecretTitle = "secret/mesh-secrets";  // as in Deployment::made
// What its members are for is said in manifests/base.
inline constexpr const char* kSecretKeys[] = {"operator_token", "postgres_password",
                                              "redis_password", "qdrant_api_key", "kafka_password"};

using SecretValues = std::map<std::string, std::string>;

// NAME=FILE of --secret-file, read. `invalid` for another name.
Result<SecretValues> read_secret_files(const std::vector<std::string>& given);

struct MadeSecrets {
  // Names: were there, from `values`, at random, were there with another value.
  std::vector<std::string> kept, given, made, replaced;
};
// Members that are missing come from `values`, the others are made at random. Those of `values`
// that are `leading` also replace what is there: their stores know no other password. `making` is
// called where there is no Secret yet, before one is made.
Result<MadeSecrets> make_secrets(const Cluster& cluster, const SecretValues& values,
                                 const std::set<std::string>& leading,
                                 const std::function<Status()>& making);

// The operator's token: of the Secret, else the one that the meshd behind the service has made.
Result<std::string> operator_token(const Cluster& cluster, const std::string& service);

}  // namespace mesh::cli::deploy
