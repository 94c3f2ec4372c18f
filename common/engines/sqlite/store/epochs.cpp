#include "common/engines/sqlite/store/epochs.h"

#include "common/engines/sqlite/core/query.h"

namespace mesh::sqlite {
namespace {

Result<EpochDocument> stored(Database& db, const std::string& name) {
  auto found = MESH_TRY(first_row(query(db, "SELECT epoch,body FROM epochs WHERE name=?", name),
                                  [](const Statement& row) {
                                    return EpochDocument{row.integer(0), std::string(row.text(1))};
                                  }));
  return found ? std::move(*found) : EpochDocument{};
}

}  // namespace

Result<EpochDocument> SqliteEpochs::take_over(const std::string& name) {
  EpochDocument document;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    MESH_TRY(execute(db,
                     "INSERT INTO epochs(name,epoch,body) VALUES(?,1,'')"
                     " ON CONFLICT(name) DO UPDATE SET epoch=epoch+1",
                     name));
    document = MESH_TRY(stored(db, name));
    return {};
  }));
  return document;
}

Result<EpochDocument> SqliteEpochs::read(const std::string& name) {
  return read_from(readers_, [&](Database& db) { return stored(db, name); });
}

Status SqliteEpochs::write(const std::string& name, std::int64_t epoch, const std::string& body) {
  return committer_.run([&](Database& db) -> Status {
    const auto document = MESH_TRY(stored(db, name));
    if (document.epoch != epoch) {
      return fail(ErrorKind::conflict,
                  "another process has taken over " + name + "; nothing was changed");
    }
    return execute(db, "UPDATE epochs SET body=? WHERE name=?", body, name);
  });
}

}  // namespace mesh::sqlite
