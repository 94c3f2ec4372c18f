#include "daemon/pipeline/erasure/awaited_groups.h"

#include <algorithm>
#include <vector>

#include "daemon/pipeline/event_index/event_rebuild.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/scan.h"

namespace mesh::pipeline {
namespace {

bool is_of_pipeline(const std::string& group) {
  return is_of_index(group) || is_of_event_index(group) ||
         std::ranges::find(kTopicGroups, group, &TopicGroup::group) != kTopicGroups.end();
}

Result<bool> has_record(EventLog& log, const TopicPartition& partition, std::int64_t from,
                        std::int64_t to) {
  bool any = false;
  MESH_TRY(scan(log, partition, from, to,
                [&](std::vector<StoredRecord>&) {
                  any = true;
                  return false;
                },
                {.max_records = 1, .keys_only = true}));
  return any;
}

}  // namespace

Result<Offsets> pipeline_ends(EventLog& log, LogAdmin& admin) {
  std::set<std::string> read;
  for (const TopicInfo& info : MESH_TRY(admin.topics())) {
    if (group_of(info.spec.name) != nullptr) read.insert(info.spec.name);
  }
  // Own types' topics are read where something of them is searchable.
  for (const GroupInfo& group : MESH_TRY(admin.groups())) {
    if (!is_of_event_index(group.name)) continue;
    for (const auto& [partition, next] : group.committed) read.insert(partition.topic);
  }
  return ends(log, admin, {read.begin(), read.end()});
}

Result<GroupsBehind> groups_behind(EventLog& log, LogAdmin& admin, const Offsets& to) {
  GroupsBehind behind;
  for (const GroupInfo& group : MESH_TRY(admin.groups())) {
    if (!is_of_pipeline(group.name)) continue;
    std::int64_t committed = 0;
    bool late = false;
    for (const auto& [partition, next] : group.committed) {
      committed += next;
      const auto end = to.find(partition);
      if (late || end == to.end() || next >= end->second) continue;
      late = MESH_TRY(has_record(log, partition, next, end->second));
    }
    if (!late) continue;
    if (group.active) {
      behind.active[group.name] = committed;
    } else {
      behind.absent.insert(group.name);
    }
  }
  return behind;
}

Result<std::map<std::string, std::int64_t>> event_rebuilds(TaskStore& tasks) {
  std::map<std::string, std::int64_t> running;
  for (const Task& task : MESH_TRY(tasks.list(TaskStore::kMostUnfinished))) {
    if (task.kind != "rebuild" || task.state != Task::State::running) continue;
    if (event_rebuild_spec(task)) running[task.id] = event_rebuild_steps(task);
  }
  return running;
}

}  // namespace mesh::pipeline
