#include "daemon/migration/migration.h"

#include <algorithm>

#include "daemon/migration/log_copy.h"
#include "daemon/migration/row_copy.h"

namespace mesh::migration {
namespace {

Status insist_on_rest(MemberStore& members, const std::string& which) {
  const auto all = MESH_TRY(members.list());
  if (all.empty()) return {};
  return fail(ErrorKind::conflict, "meshd runs on the engines " + which + " (" +
                                       std::to_string(all.size()) +
                                       " by its members): stop it, and try again");
}

bool all_equal(const Json& compared) {
  return std::ranges::all_of(compared, [](const Json& part) { return part["state"] == "equal"; });
}

}  // namespace

Result<Json> migrate(const Side& from, const Side& to, const Options& options) {
  MESH_TRY(insist_on_rest(from.stores.members(), "to be left"));
  MESH_TRY(insist_on_rest(to.stores.members(), "to be filled"));
  if (MESH_TRY(is_unfinished(from.stores.tasks()))) {
    return fail(ErrorKind::conflict,
                "a migration to the engines to be left has not ended: finish that one first");
  }
  Places places;
  LogCopy log({from.log, from.admin, from.cipher, to.log, to.admin, to.import, options.topic,
               options.clock},
              places);
  const auto is_empty = [&]() -> Status {
    MESH_TRY(insist_on_empty(to.stores.transfer()));
    return log.insist_on_empty();
  };
  // Before anything is written, and again by the one that begins: another may have begun, and
  // ended, meanwhile.
  if (!MESH_TRY(is_unfinished(to.stores.tasks()))) MESH_TRY(is_empty());
  MESH_TRY(want_places(from.stores.transfer(), places));
  // What refuses the topics refuses them before anything has begun.
  const auto may_begin = [&]() -> Status {
    MESH_TRY(is_empty());
    return log.make_topics();
  };
  auto journal = MESH_TRY(
      Journal::open(to.stores.tasks(), options.spec, options.clock, options.told, may_begin));
  if (const Json& before = journal->checkpoint(); !before.empty()) {
    places.from_json(before.at("places"));
    log.from_json(before.at("log"));
  }
  MESH_TRY(log.survey());
  MESH_TRY(log.insist_on_unused());
  journal->expect(2 * log.records(), log.copied());  // written, and read again
  const auto save = [&] {
    return journal->save({{"places", places.to_json()}, {"log", log.to_json()}});
  };
  Json result = journal->checkpoint().value("compared", Json());
  if (result.is_null()) {
    MESH_TRY(log.copy(*journal, save));
    MESH_TRY(copy_rows(from.stores.transfer(), to.stores.transfer(), places, *journal));
    auto topics = MESH_TRY(log.verify(*journal));
    auto tables =
        MESH_TRY(verify_rows(from.stores.transfer(), to.stores.transfer(), places, *journal));
    const bool equal = all_equal(topics) && all_equal(tables);
    result = {{"task", journal->task_id()},
              {"state", equal ? "equal" : "differs"},
              {"topics", std::move(topics)},
              {"tables", std::move(tables)}};
    if (!equal) return result;
    // From here on the new log may let go of what has expired: it is not compared again.
    MESH_TRY(journal->save(
        {{"places", places.to_json()}, {"log", log.to_json()}, {"compared", result}}));
  }
  MESH_TRY(log.place_groups());
  MESH_TRY(log.give_settings());
  MESH_TRY(journal->finish(result));
  return result;
}

}  // namespace mesh::migration
