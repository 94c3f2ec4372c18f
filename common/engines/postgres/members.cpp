#include "common/engines/postgres/members.h"

#include "common/engines/postgres/stored_json.h"

namespace mesh::postgres {
namespace {

std::string to_text(const Member& member) {
  return dump(Json{{"roles", member.roles},
                   {"addresses", member.addresses},
                   {"version", member.version},
                   {"since", member.since.time_since_epoch().count()},
                   {"feeds", member.feeds}});
}

std::vector<std::string> texts(const Json& json, const char* name) {
  std::vector<std::string> all;
  const auto list = json.find(name);
  if (list == json.end()) return all;
  for (const auto& one : *list) {
    if (one.is_string()) all.push_back(one);
  }
  return all;
}

// What another version of the program wrote may have more members, or less.
Result<Member> read_member(std::string id, std::string_view text) {
  const auto json = MESH_TRY(parse_stored(text, "a member"));
  if (!json.is_object()) return fail(damaged("a member"));
  Member member;
  member.id = std::move(id);
  member.roles = texts(json, "roles");
  member.addresses = texts(json, "addresses");
  if (json.contains("version") && json["version"].is_string()) member.version = json["version"];
  if (json.contains("since") && json["since"].is_number_integer()) {
    member.since = Timestamp(Duration(json["since"].get<std::int64_t>()));
  }
  member.feeds = texts(json, "feeds");
  return member;
}

}  // namespace

Status Members::heartbeat(const Member& member, Duration ttl) {
  (void)MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run({
        query("INSERT INTO members(id,member,seen,until) VALUES($1,$2,mesh_now(),mesh_now()+$3)"
              " ON CONFLICT(id) DO UPDATE SET member=excluded.member,seen=excluded.seen,"
              "until=excluded.until",
              member.id, to_text(member), ttl),
        // A day after they went, so that nobody waits for anybody's lock.
        query("DELETE FROM members WHERE id IN (SELECT id FROM members WHERE until<mesh_now()-$1"
              " ORDER BY id FOR UPDATE SKIP LOCKED)",
              Duration(std::chrono::hours(24))),
    });
  }));
  return {};
}

Status Members::leave(const std::string& id) {
  (void)MESH_TRY(pool_.run(Repeat::harmless, [&](Session& session) {
    return session.run(query("DELETE FROM members WHERE id=$1", id));
  }));
  return {};
}

Result<std::vector<MemberInfo>> Members::list() {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT id,member,seen FROM members WHERE until>mesh_now() ORDER BY id"));
  }));
  std::vector<MemberInfo> all;
  for (int i = 0; i < rows.size(); ++i) {
    auto member = MESH_TRY(read_member(rows.string(i, 0), rows.text(i, 1)));
    all.push_back({std::move(member), rows.time(i, 2)});
  }
  return all;
}

}  // namespace mesh::postgres
