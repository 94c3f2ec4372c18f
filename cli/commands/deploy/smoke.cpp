#include "cli/commands/deploy/smoke.h"

#include <algorithm>

#include "cli/commands/deploy/secrets.h"
#include "cli/commands/deploy/tunnel.h"
#include "cli/retry.h"
#include "common/base/ids.h"

namespace mesh::cli::deploy {
namespace {

constexpr int kUsersPort = 8081, kGatewayPort = 8090;
constexpr std::int64_t kSearchableSeconds = 25;

Result<std::string> service_of(const std::vector<Object>& objects, int port) {
  auto service = service_with_port(objects, port);
  if (service) return std::move(*service);
  return fail(ErrorKind::conflict, "no service of the overlay has port " + std::to_string(port) +
                                       "; --skip smoke leaves the trial out");
}

// Found by its own name, which no other user has.
Status find(client::Client& mesh, const User& user, const std::string& position) {
  const auto found = patiently(
      [&] {
        return mesh.search(user.name, 5,
                           {.min_position = position, .wait_seconds = kSearchableSeconds});
      },
      nap, [] { return stable_hash(random_hex(8)); });
  if (!found) return fail(found.error());
  const bool there =
      std::ranges::any_of(*found, [&](const SearchHit& hit) { return hit.user_id == user.id; });
  if (there) return {};
  return fail(ErrorKind::conflict, "the user " + std::to_string(user.id) + " of tenant " +
                                       kSmokeTenant + " was created, but a search finds it not: " +
                                       "`mesh deploy status` shows whether the pipelines run");
}

}  // namespace

Status smoke_test(const Cluster& cluster, const std::vector<Object>& objects, Step& step) {
  const std::string service = MESH_TRY(service_of(objects, kUsersPort));
  const auto users = MESH_TRY(Tunnel::open(cluster, service, kUsersPort));
  const std::string searches = MESH_TRY(service_of(objects, kGatewayPort));
  const auto gateway = MESH_TRY(Tunnel::open(cluster, searches, kGatewayPort));
  client::Options options;
  options.endpoints = client::Endpoints::none();
  options.endpoints.users = users.url();
  options.endpoints.gateway = gateway.url();
  options.operator_token = MESH_TRY(operator_token(cluster, service));
  options.tenant = kSmokeTenant;
  client::Client mesh(std::move(options));
  const std::string name = "smoke" + random_hex(6);
  const auto created =
      MESH_TRY(mesh.create_user({name + "@mesh-smoke-test.invalid", name},
                                {.ack = "searchable", .wait_seconds = kSearchableSeconds}));
  const Status found = find(mesh, created.user, created.written.position);
  // Also of one that was not found: nothing stays behind.
  const auto deleted = mesh.delete_user(created.user.id);
  MESH_TRY(found);
  if (!deleted) return fail(deleted.error());
  step.done = "a user was created, found and deleted in tenant " + std::string(kSmokeTenant);
  return {};
}

}  // namespace mesh::cli::deploy
