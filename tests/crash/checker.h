// Reads a running meshd and compares it with what the writers know.
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/crash/ledger.h"
#include "tests/crash/writer.h"
#include "tests/e2e/daemon.h"

namespace mesh::crash {

class Checker {
 public:
  // Where appends may be done without an answer, and are done again under the same event ids, an
  // event may stand in the log twice, or half of a request.
  Checker(e2e::Daemon& daemon, Promise promise) : daemon_(daemon), promise_(promise) {}

  // Users of t0, and events of tenant "outage", that no writer made.
  void leave_out(std::set<std::int64_t> users) { others_ = std::move(users); }

  // Where the groups stand; any thread, also while requests fail. Keeps the highest of each.
  void watch_groups(const Mesh& mesh);
  // Right after a start: no group is behind where it was seen before.
  void groups_have_not_gone_back();
  // Once all is quiet: what came into the log since the last call, and everything derived from it.
  void check(const Ledger& ledger, const std::vector<Writer*>& writers);
  // The slow rest: the log from its start, all users, a rebuilt index against the one before.
  void check_all(const Ledger& ledger, const std::vector<Writer*>& writers);

  std::size_t records() const { return records_; }
  int relayed_twice() const { return relayed_twice_; }

 private:
  using Subject = std::tuple<std::string, bool, std::string>;  // tenant, chemical, name
  struct Entity {
    std::int64_t sequence = 0;
    std::string event_id, type;
    Json value;
  };
  Json admin(const std::string& method, const std::string& target, const Json& body = nullptr);
  void read_log();
  void read_topic(const std::string& topic);
  void take_activity(const Json& record, bool chemical);
  void take_entity(const Json& record);
  bool is_compacted(const std::string& topic);
  void compare_events(const Ledger& ledger);
  void compare_projections();
  void compare_users(const std::vector<Writer*>& writers);
  void compare_tenants(const std::vector<Writer*>& writers);
  void groups_are_at_the_end();
  void nothing_died();
  void index_is_right();
  void events_are_indexed();
  std::vector<Json> searches();
  void searches_are(const std::vector<Json>& before);

  e2e::Daemon& daemon_;
  const Promise promise_;
  std::mutex mutex_;
  std::map<std::tuple<std::string, std::string, int>, std::int64_t>
      committed_;  // guarded by mutex_

  // What the log said so far.
  std::map<std::string, std::string> cursors_;  // by topic
  std::set<std::int64_t> others_;
  std::set<std::string> ids_;                   // of events, with their tenant
  std::map<std::string, std::int64_t> events_;  // how many different ones, by type
  std::map<std::string, int> markers_;          // how often each is in the log
  std::map<Subject, std::map<std::string, std::int64_t>> counts_;
  std::map<std::string, Entity> entities_;  // by topic and key
  std::size_t records_ = 0;
  int relayed_twice_ = 0;
};

}  // namespace mesh::crash
