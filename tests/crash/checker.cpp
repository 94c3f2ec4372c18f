#include "tests/crash/checker.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/base/strings.h"
#include "tests/support/eventually.h"

namespace mesh::crash {
namespace {

constexpr const char* kTopics[] = {"analytics.events", "chemical.events", "user.events",
                                   "tenant.events"};

}  // namespace

Json Checker::admin(const std::string& method, const std::string& target, const Json& body) {
  const auto answer = daemon_.call("admin", method, target, daemon_.operator_token(),
                                   body.is_null() ? "" : body.dump());
  EXPECT_LT(answer.status, 300) << method << " " << target << ": " << answer.body;
  return answer.json();
}

// --- groups ----------------------------------------------------------------------------------

void Checker::watch_groups(const Mesh& mesh) {
  http::Client client;
  const auto get = [&](const std::string& target) {
    const auto answer = client.send({"GET",
                                     "http://" + mesh.addresses.at("admin") + target,
                                     {{"Authorization", "Bearer " + mesh.operator_token}},
                                     {},
                                     {}});
    return answer && answer->status == 200 ? Json::parse(answer->body, nullptr, false) : Json();
  };
  const Json groups = get("/admin/v1/groups");
  if (!groups.is_object()) return;
  for (const auto& group : groups["items"]) {
    const std::string name = group["group"];
    const Json details = get("/admin/v1/groups/" + name);
    if (!details.is_object()) continue;
    std::lock_guard lock(mutex_);
    for (const auto& partition : details["partitions"]) {
      auto& seen = committed_[{name, partition["topic"].get<std::string>(),
                               partition["partition"].get<int>()}];
      seen = std::max(seen, partition["committed"].get<std::int64_t>());
    }
  }
}

void Checker::groups_have_not_gone_back() {
  std::lock_guard lock(mutex_);
  const Json groups = admin("GET", "/admin/v1/groups");
  for (const auto& group : groups["items"]) {
    const std::string name = group["group"];
    const Json details = admin("GET", "/admin/v1/groups/" + name);
    for (const auto& partition : details["partitions"]) {
      const auto committed = partition["committed"].get<std::int64_t>();
      EXPECT_LE(committed, partition["end"].get<std::int64_t>()) << partition.dump();
      const auto seen = committed_.find(
          {name, partition["topic"].get<std::string>(), partition["partition"].get<int>()});
      if (seen == committed_.end()) continue;
      EXPECT_GE(committed, seen->second) << "group " << name << " went back: " << partition.dump();
    }
  }
}

void Checker::groups_are_at_the_end() {
  const Json groups = admin("GET", "/admin/v1/groups");
  for (const auto& group : groups["items"]) {
    if (group["group"] == "metering") continue;  // what is used is written at any time
    EXPECT_EQ(group["lag"], 0) << group.dump();
    const Json details = admin("GET", "/admin/v1/groups/" + group["group"].get<std::string>());
    EXPECT_EQ(details["parked"], 0) << details.dump();
    for (const auto& p : details["partitions"])
      EXPECT_EQ(p["committed"], p["end"]) << details.dump();
  }
}

// --- the log ---------------------------------------------------------------------------------

void Checker::read_log() {
  for (const char* topic : kTopics) read_topic(topic);
}

// From where the last call ended: offsets outlive crashes.
void Checker::read_topic(const std::string& topic) {
  std::string& cursor = cursors_[topic];
  for (;;) {
    const std::string from = cursor.empty() ? "from=start" : "positions=" + percent_encode(cursor);
    const Json page = admin("GET", "/admin/v1/topics/" + topic + "/records?limit=1000&" + from);
    ASSERT_TRUE(page.is_object()) << topic;
    cursor = page["next"].get<std::string>();
    if (page["items"].empty()) return;
    for (const auto& record : page["items"]) {
      ++records_;
      if (topic == "analytics.events" || topic == "chemical.events")
        take_activity(record, topic[0] == 'c');
      else
        take_entity(record);
    }
  }
}

void Checker::take_activity(const Json& record, bool chemical) {
  const bool first =
      ids_.insert(record["tenant"].get<std::string>() + "/" + record["id"].get<std::string>())
          .second;
  if (first) ++events_[record["type"]];
  if (record["tenant"] == "outage") return;
  if (!first && promise_ == Promise::maybe_done) return;
  const Json& value = record["value"];
  const Json& data = chemical ? value["data"] : value["metadata"];
  ++markers_[data["n"].get<std::string>()];
  ++counts_[{record["tenant"].get<std::string>(), chemical,
             value[chemical ? "researcher" : "user_id"].get<std::string>()}]
           [value[chemical ? "molecule_id" : "event_type"].get<std::string>()];
}

bool Checker::is_compacted(const std::string& topic) {
  const Json info = admin("GET", "/admin/v1/topics/" + topic);
  std::int64_t given = 0;
  for (const auto& partition : info["partition_offsets"]) {
    given += partition["end"].get<std::int64_t>() - partition["start"].get<std::int64_t>();
  }
  return info["records"].get<std::int64_t>() < given;
}

// Versions go up by one, but where compaction took away what was superseded. After a crash the
// outbox's relay may append a batch again: then the very same events.
void Checker::take_entity(const Json& record) {
  const std::string key =
      record["topic"].get<std::string>() + ":" + record["key"].get<std::string>();
  Entity& entity = entities_[key];
  const auto sequence = record["sequence"].get<std::int64_t>();
  const std::string id = record["id"];
  if (sequence <= entity.sequence) {
    ++relayed_twice_;
    if (sequence == entity.sequence) {
      EXPECT_EQ(id, entity.event_id) << key << " has two events of version " << sequence;
    }
    return;
  }
  EXPECT_TRUE(sequence == entity.sequence + 1 || is_compacted(record["topic"]))
      << key << " goes from version " << entity.sequence << " to " << sequence;
  entity = {sequence, id, record["type"], record["value"]};
}

// --- what the log must hold --------------------------------------------------------------------

void Checker::compare_events(const Ledger& ledger) {
  struct Seen {
    int present = 0, absent = 0;
  };
  std::map<std::string, Seen> unknown;  // by request
  for (const auto& [marker, event] : ledger.events()) {
    const auto at = markers_.find(marker);
    const int count = at == markers_.end() ? 0 : at->second;
    switch (event.fate) {
      case Fate::acknowledged:
        EXPECT_EQ(count, 1) << marker << " was acknowledged";
        break;
      case Fate::refused:
        EXPECT_EQ(count, 0) << marker << " was refused";
        break;
      case Fate::unknown:
        EXPECT_LE(count, 1) << marker;
        ++(count > 0 ? unknown[event.request].present : unknown[event.request].absent);
    }
  }
  for (const auto& [request, seen] : unknown) {
    if (promise_ == Promise::maybe_done) break;
    EXPECT_TRUE(seen.present == 0 || seen.absent == 0)
        << "half of request " << request << " is in the log";
  }
  for (const auto& [marker, count] : markers_)
    EXPECT_TRUE(ledger.events().contains(marker)) << marker;
}

void Checker::compare_projections() {
  for (const auto& [subject, labels] : counts_) {
    const auto& [tenant, chemical, name] = subject;
    std::int64_t total = 0;
    for (const auto& [label, count] : labels) total += count;
    const std::string target =
        (chemical ? "/api/v1/analytics/researcher/" : "/api/v1/analytics/user/") + name;
    const Json found = daemon_.call("subscriber", "GET", target, tenant + ":check").json();
    ASSERT_TRUE(found.is_object()) << target;
    if (chemical) {
      EXPECT_EQ(found["total_experiments"], total) << tenant << target;
      EXPECT_EQ(found["unique_molecules"], labels.size()) << tenant << target;
    } else {
      EXPECT_EQ(found["total_events"], total) << tenant << target;
      for (const auto& [label, count] : labels)
        EXPECT_EQ(found["event_types"][label], count) << tenant << target << label;
    }
  }
}

void Checker::compare_users(const std::vector<Writer*>& writers) {
  std::size_t known = 0;
  for (const auto* writer : writers) {
    for (const auto& user : writer->users()) {
      ++known;
      const std::string key = "user.events:" + user.tenant + "/" + std::to_string(user.id);
      const auto at = entities_.find(key);
      ASSERT_NE(at, entities_.end()) << key << " has no event";
      EXPECT_EQ(at->second.type == "user.deleted", user.deleted) << key;
      if (user.deleted) {
        EXPECT_EQ(at->second.value, (Json{{"id", user.id}, {"tenantId", user.tenant}})) << key;
        continue;
      }
      EXPECT_EQ(at->second.value["name"], user.name) << key;
      EXPECT_EQ(at->second.value["email"], user.email) << key;
    }
  }
  std::size_t logged = 0;
  for (const auto& [key, entity] : entities_) logged += key.starts_with("user.events:");
  EXPECT_EQ(logged, known + others_.size()) << "the log has users that nobody made, or made twice";
}

void Checker::compare_tenants(const std::vector<Writer*>& writers) {
  for (const auto* writer : writers) {
    for (const auto& tenant : writer->tenants()) {
      const auto at = entities_.find("tenant.events:" + tenant.id);
      if (tenant.changes == 0) {
        EXPECT_EQ(at, entities_.end()) << tenant.id;
        continue;
      }
      ASSERT_NE(at, entities_.end()) << tenant.id;
      EXPECT_EQ(at->second.sequence, tenant.changes) << tenant.id;
      EXPECT_EQ(at->second.type != "tenant.deleted", tenant.exists) << tenant.id;
      if (tenant.exists) {
        EXPECT_EQ(at->second.value["name"], tenant.name) << tenant.id;
      }
    }
  }
}

void Checker::nothing_died() {
  const Json topics = admin("GET", "/admin/v1/dlq");
  for (const auto& topic : topics["items"]) EXPECT_EQ(topic["letters"], 0) << topic.dump();
}

void Checker::index_is_right() {
  const Json report = admin("POST", "/admin/v1/indexes/verify", Json::object());
  for (const char* fault : {"missing", "extra", "stale"})
    EXPECT_EQ(report[fault], 0) << report.dump();
}

// Every event of the log once, where there is an index of events. The first of a type is made once
// there are events, as after a move to other engines, while all else goes on.
void Checker::events_are_indexed() {
  if (admin("GET", "/admin/v1/config")["vectors"]["events"] == false) return;
  std::map<std::string, std::int64_t> indexed;
  Json generations;
  const bool all_serve = test::eventually([&] {
    indexed.clear();
    generations = admin("GET", "/admin/v1/indexes/events");
    for (const auto& one : generations["items"]) {
      if (one["serving"] == true) indexed[one["type"]] = one["events"];
    }
    return std::ranges::all_of(events_, [&](const auto& of) { return indexed.contains(of.first); });
  });
  EXPECT_TRUE(all_serve) << generations.dump();
  for (const auto& [type, count] : events_) EXPECT_EQ(indexed[type], count) << generations.dump();
}

void Checker::check(const Ledger& ledger, const std::vector<Writer*>& writers) {
  read_log();
  compare_events(ledger);
  compare_projections();
  compare_users(writers);
  compare_tenants(writers);
  groups_are_at_the_end();
  nothing_died();
  index_is_right();
  events_are_indexed();
}

// --- at the end --------------------------------------------------------------------------------

std::vector<Json> Checker::searches() {
  std::vector<Json> answers;
  for (const char* tenant : {"t0", "t1", "t2"}) {
    for (const char* query : {"person", "renamed%201", "w1.dev", "u7@w2.dev", "persn%2012"}) {
      const auto answer = daemon_.call(
          "gateway", "GET", std::string("/ai/users/search?limit=100&min_score=-1&query=") + query,
          std::string(tenant) + ":check");
      EXPECT_EQ(answer.status, 200) << answer.body;
      answers.push_back(answer.json()["results"]);
    }
  }
  return answers;
}

// Another server adds the same products up in another order, from one time to the next: of two hits
// that score alike either may come first, or fall behind the limit.
void Checker::searches_are(const std::vector<Json>& before) {
  const auto now = searches();
  if (promise_ == Promise::nothing_done) {
    EXPECT_EQ(now, before) << "the index differs from one built from the log";
    return;
  }
  for (std::size_t i = 0; i < now.size(); ++i) {
    ASSERT_EQ(now[i].size(), before[i].size()) << i;
    for (std::size_t hit = 0; hit < now[i].size(); ++hit) {
      EXPECT_NEAR(now[i][hit]["score"].get<double>(), before[i][hit]["score"].get<double>(), 1e-4)
          << now[i][hit] << " and before " << before[i][hit];
    }
  }
}

void Checker::check_all(const Ledger& ledger, const std::vector<Writer*>& writers) {
  check(ledger, writers);
  // What was read bit by bit across the crashes is what is there now.
  auto counts = std::move(counts_);
  auto markers = std::move(markers_);
  const auto entities = std::move(entities_);
  counts_.clear(), markers_.clear(), ids_.clear(), events_.clear(), entities_.clear(),
      cursors_.clear();
  read_log();
  EXPECT_TRUE(markers_ == markers) << "events came or went";
  EXPECT_TRUE(counts_ == counts);
  ASSERT_EQ(entities_.size(), entities.size());
  for (const auto& [key, entity] : entities)
    EXPECT_EQ(entities_[key].event_id, entity.event_id) << key;

  std::map<std::string, std::map<std::int64_t, const UserState*>> live;
  for (const auto* writer : writers) {
    for (const auto& user : writer->users()) {
      if (!user.deleted) live[user.tenant][user.id] = &user;
    }
  }
  for (const auto& [tenant, users] : live) {
    std::map<std::int64_t, Json> found;
    std::string target = "/users?limit=1000";
    while (!target.empty()) {
      const auto page = daemon_.call("users", "GET", target, tenant + ":check");
      ASSERT_EQ(page.status, 200) << page.body;
      for (const auto& user : page.json()) found[user["id"].get<std::int64_t>()] = user;
      const std::string link = page.header("Link");
      target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    EXPECT_EQ(found.size(), users.size() + (tenant == "t0" ? others_.size() : 0)) << tenant;
    for (const auto& [id, user] : users) {
      ASSERT_TRUE(found.contains(id)) << tenant << "/" << id << " is lost";
      EXPECT_EQ(found[id]["name"], user->name);
      EXPECT_EQ(found[id]["email"], user->email);
    }
  }

  const auto before = searches();
  const std::string task = admin("POST", "/admin/v1/indexes/rebuild", Json::object())["id"];
  EXPECT_EQ(admin("GET", "/admin/v1/tasks/" + task + "?wait=25")["state"], "done");
  index_is_right();
  searches_are(before);
}

}  // namespace mesh::crash
