#include "cli/commands/deploy/secrets.h"

#include <algorithm>

#include "cli/files.h"
#include "common/base/ids.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr int kRandomBytes = 32;

// The members of the Secret that is there; nothing where there is none.
Result<std::optional<Json>> members(const Cluster& cluster) {
  auto secret = cluster.get({"secret", kSecret});
  if (!secret && secret.error().kind == ErrorKind::not_found) return std::optional<Json>();
  if (!secret) return fail(secret.error());
  const Json& data = at_path(*secret, "data");
  return std::optional<Json>(data.is_object() ? data : Json::object());
}

}  // namespace

Result<SecretValues> read_secret_files(const std::vector<std::string>& given) {
  SecretValues values;
  for (const auto& one : given) {
    const auto equals = one.find('=');
    const std::string name = one.substr(0, equals);
    if (equals == one.npos || std::ranges::find(kSecretKeys, name) == std::end(kSecretKeys)) {
      return fail(ErrorKind::invalid,
                  "--secret-file " + one + ": give NAME=FILE, NAME one of " +
                      join({std::begin(kSecretKeys), std::end(kSecretKeys)}, ", "));
    }
    std::string text = MESH_TRY(read_file(one.substr(equals + 1), 65536));
    // Editors end a file with a line end, which is no part of a password.
    while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
    if (text.empty()) return fail(ErrorKind::invalid, "--secret-file " + one + ": it is empty");
    values[name] = std::move(text);
  }
  return values;
}

Result<MadeSecrets> make_secrets(const Cluster& cluster, const SecretValues& values,
                                 const std::set<std::string>& leading,
                                 const std::function<Status()>& making) {
  const auto there = MESH_TRY(members(cluster));
  MadeSecrets made;
  Json changed = Json::object();
  for (const std::string key : kSecretKeys) {
    const auto given = values.find(key);
    const std::string value =
        base64_encode(given != values.end() ? given->second : random_hex(kRandomBytes));
    if (!there || !there->contains(key)) {
      (given != values.end() ? made.given : made.made).push_back(key);
      changed[key] = value;
    } else if (given != values.end() && leading.contains(key) && there->at(key) != Json(value)) {
      made.replaced.push_back(key);
      changed[key] = value;
    } else {
      made.kept.push_back(key);
    }
  }
  if (changed.empty()) return made;
  if (there) {
    // A merge touches these members alone.
    (void)MESH_TRY(
        cluster.ask({"patch", "secret", kSecret, "--type=merge", "--patch-file=/dev/stdin"},
                    dump({{"data", changed}})));
    return made;
  }
  const Json secret = {
      {"apiVersion", "v1"},
      {"kind", "Secret"},
      {"metadata", {{"name", kSecret}, {"labels", {{"app.kubernetes.io/part-of", "mesh"}}}}},
      {"type", "Opaque"},
      {"data", changed}};
  MESH_TRY(making());
  // create, not apply: one that somebody made meanwhile stays, and no annotation keeps the values.
  (void)MESH_TRY(cluster.ask({"create", "-f", "-"}, dump(secret)));
  return made;
}

Result<std::string> operator_token(const Cluster& cluster, const std::string& service) {
  const auto there = MESH_TRY(members(cluster));
  if (!there) {
    const auto made = MESH_TRY(
        cluster.ask({"exec", "service/" + service, "--", "cat", "/var/lib/mesh/operator.token"}));
    return std::string(trim(made));
  }
  const Json& token = at_path(*there, "operator_token");
  auto value = token.is_string() ? base64_decode(token.get<std::string>()) : std::nullopt;
  if (value) return std::move(*value);
  return fail(ErrorKind::not_found,
              std::string("the Secret ") + kSecret + " has no operator_token");
}

}  // namespace mesh::cli::deploy
