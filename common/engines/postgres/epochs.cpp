#include "common/engines/postgres/epochs.h"

namespace mesh::postgres {

Result<EpochDocument> Epochs::take_over(const std::string& name) {
  // Once more than needed is harmless: the caller learns of the last.
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        query("INSERT INTO epochs AS e(name,epoch,body) VALUES($1,1,'')"
              " ON CONFLICT(name) DO UPDATE SET epoch=e.epoch+1"
              " RETURNING epoch,body",
              name));
  }));
  return EpochDocument{rows.integer(0, 0), rows.string(0, 1)};
}

Result<EpochDocument> Epochs::read(const std::string& name) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT epoch,body FROM epochs WHERE name=$1", name));
  }));
  if (rows.size() == 0) return EpochDocument{};
  return EpochDocument{rows.integer(0, 0), rows.string(0, 1)};
}

Status Epochs::write(const std::string& name, std::int64_t epoch, const std::string& body) {
  const auto rows = MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(
        query("UPDATE epochs SET body=$3 WHERE name=$1 AND epoch=$2", name, epoch, Bytes{body}));
  }));
  if (rows.changed() > 0) return {};
  return fail(ErrorKind::conflict, name + " was taken over by another process");
}

}  // namespace mesh::postgres
