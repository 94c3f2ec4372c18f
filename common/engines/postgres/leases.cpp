#include "common/engines/postgres/leases.h"

#include "common/telemetry/log.h"

namespace mesh::postgres {
namespace {

// More than come at once, and few enough for who acquires to wait for.
constexpr std::int64_t kSweepLeases = 1'000;

}  // namespace

tl::unexpected<Error> lost_lease(const Lease& lease) {
  return fail(ErrorKind::conflict, "the lease " + lease.name + " was lost: it was not renewed in " +
                                       "time, or another holds it");
}

Result<std::optional<Lease>> Leases::acquire(const std::string& name, const std::string& holder,
                                             Duration ttl) {
  // Before, so that none of the lease's time goes by meanwhile.
  if (!is_own(name)) sweep();
  const auto rows = MESH_TRY(pool_.run(Repeat::never, [&](Session& session) {
    return session.run(query(
        // The token of an update is made once the row is locked, so it is higher than all before.
        "INSERT INTO leases AS l(name,token,holder,held_until) "
        "VALUES($1,nextval('lease_token'),$2,mesh_now()+$3)"
        " ON CONFLICT(name) DO UPDATE SET "
        "token=nextval('lease_token'),holder=$2,held_until=mesh_now()+$3"
        " WHERE l.held_until<=mesh_now() RETURNING token",
        name, holder, ttl));
  }));
  if (rows.size() == 0) return std::optional<Lease>();
  const Lease lease{name, rows.integer(0, 0)};
  std::lock_guard lock(mutex_);
  acquired_[name] = lease.token;
  return std::optional(lease);
}

bool Leases::is_own(const std::string& name) {
  std::lock_guard lock(mutex_);
  return acquired_.contains(name);
}

// Of names that nobody takes twice rows would stay for ever. A statement of its own, which waits
// for no row: within that of an acquisition two could wait for each other's.
void Leases::sweep() {
  const auto gone = pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        query("DELETE FROM leases WHERE name IN (SELECT name FROM leases"
              " WHERE held_until<=(SELECT mesh_now()) ORDER BY held_until LIMIT $1"
              " FOR UPDATE SKIP LOCKED) RETURNING name,token",
              kSweepLeases));
  });
  if (!gone) {  // the next new name sweeps
    if (!gone.error().retryable()) {
      log::warn("leases that are over could not be removed", {{"error", gone.error().to_string()}});
    }
    return;
  }
  std::lock_guard lock(mutex_);
  for (int i = 0; i < gone->size(); ++i) {
    const auto own = acquired_.find(gone->string(i, 0));
    if (own != acquired_.end() && own->second == gone->integer(i, 1)) acquired_.erase(own);
  }
}

Status Leases::renew(const Lease& lease, Duration ttl) {
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        query("UPDATE leases SET held_until=mesh_now()+$3"
              " WHERE name=$1 AND token=$2 AND held_until>mesh_now()",
              lease.name, lease.token, ttl));
  }));
  if (rows.changed() == 0) return lost_lease(lease);
  return {};
}

Status Leases::release(const Lease& lease) {
  {
    std::lock_guard lock(mutex_);
    const auto own = acquired_.find(lease.name);
    if (own != acquired_.end() && own->second == lease.token) acquired_.erase(own);
  }
  (void)MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(query("UPDATE leases SET held_until=0 WHERE name=$1 AND token=$2",
                             lease.name, lease.token));
  }));
  return {};
}

Result<std::vector<LeaseInfo>> Leases::list() {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query(
        "SELECT name,holder,held_until FROM leases WHERE held_until>mesh_now() ORDER BY name"));
  }));
  std::vector<LeaseInfo> all;
  for (int i = 0; i < rows.size(); ++i) {
    all.push_back({rows.string(i, 0), rows.string(i, 1), rows.time(i, 2)});
  }
  return all;
}

void Leases::release_all() {
  std::map<std::string, std::int64_t> acquired;
  {
    std::lock_guard lock(mutex_);
    acquired.swap(acquired_);
  }
  // What cannot be given back ends by its time.
  for (const auto& [name, token] : acquired) {
    if (!release({name, token})) return;
  }
}

}  // namespace mesh::postgres
