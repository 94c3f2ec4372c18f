// Consumer groups and their offsets.
#include <algorithm>
#include <future>
#include <set>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/log/consumer.h"
#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {
namespace {

Status write_offset(Database& db, const std::string& group, const Partition& p, std::int64_t next) {
  auto upsert =
      MESH_TRY(db.prepare("INSERT INTO group_offsets(name, partition, next) VALUES(?,?,?)"
                          " ON CONFLICT(name, partition) DO UPDATE SET next=excluded.next"));
  return upsert.bind_text(1, group).bind(2, p.id).bind(3, next).run();
}

}  // namespace

Error not_its_own(const std::string& group, const TopicPartition& partition) {
  return {ErrorKind::conflict,
          "a commit of group '" + group + "' comes too late: " + partition.topic + "/" +
              std::to_string(partition.partition) +
              " is another member's by now, or the group was moved",
          {},
          {},
          {}};
}

void SqliteLogImpl::nudge_members(Group& group) {
  for (Member* member : group.members) waits_.nudge(member->waiter);
}

// Blocks until durable; `after` runs in the committer's thread, so in the order of the jobs.
Status SqliteLogImpl::run_then(Committer::Job job,
                               const std::function<void(const Status&)>& after) {
  std::promise<Status> result;
  committer_.submit(0, std::move(job), [&](Status status) {
    after(status);
    result.set_value(std::move(status));
  });
  return result.get_future().get();
}

Status SqliteLogImpl::commit_offsets(const std::string& name, std::vector<OffsetChange> changes) {
  return run_then(
      [&](Database& db) -> Status {
        {
          std::lock_guard lock(groups_mutex_);
          for (const auto& change : changes) {
            // Looked at in the committer's thread, where all commits and seeks are in order: what
            // passes here is written before any that comes later. All or none, since a batch's
            // offsets belong together.
            if (change.epoch < change.offset->staged_epoch || change.term != change.offset->term) {
              return fail(not_its_own(name, change.partition->name));
            }
          }
        }
        for (const auto& change : changes) {
          MESH_TRY(write_offset(db, name, *change.partition, change.next));
        }
        return {};
      },
      [&](const Status& status) {
        if (!status) return;
        std::lock_guard lock(groups_mutex_);
        for (const auto& change : changes) change.offset->committed = change.next;
      });
}

Status SqliteLogImpl::seek_group(const std::string& name,
                                 const std::map<TopicPartition, std::int64_t>& offsets) {
  std::lock_guard only(admin_mutex_);
  if (name.empty()) return fail(ErrorKind::invalid, "a consumer group needs a name");
  std::vector<std::pair<Partition*, std::int64_t>> targets;
  for (const auto& [partition, offset] : offsets) {
    auto p = MESH_TRY(find(partition));
    // It may lie below the start, which retention moves: a read then begins at the start.
    targets.emplace_back(p, std::clamp<std::int64_t>(offset, 0, p->bell.end));
  }
  std::vector<OffsetChange> changes;
  std::shared_ptr<Group> group;
  {
    std::lock_guard lock(groups_mutex_);
    auto& entry = groups_[name];
    if (!entry) entry = std::make_shared<Group>();
    group = entry;
    for (const auto& [p, next] : targets) {
      auto& offset = group->offsets[p];
      // A new epoch: what its members have under way stems from the position before, and is
      // refused.
      changes.push_back({p, &offset, next, offset.epoch + 1, 0});
    }
  }
  return run_then(
      [&](Database& db) -> Status {
        for (const auto& change : changes) {
          // In the job, so that commits behind it in the same group are refused, too.
          change.offset->staged_epoch = change.epoch;
          MESH_TRY(write_offset(db, name, *change.partition, change.next));
        }
        return {};
      },
      [&](const Status& status) {
        std::lock_guard lock(groups_mutex_);
        for (const auto& change : changes) {
          if (status) {
            change.offset->committed = change.next;
            change.offset->epoch = change.epoch;
          } else {
            // Nothing was moved, so that members may go on committing.
            change.offset->staged_epoch = change.offset->epoch;
          }
        }
        if (!status) return;
        ++group->version;
        nudge_members(*group);
      });
}

Result<std::vector<Partition*>> SqliteLogImpl::known_to(
    const std::string& name, const std::vector<std::string>& topic_names) {
  if (name.empty()) return fail(ErrorKind::invalid, "a consumer group needs a name");
  if (topic_names.empty()) {
    return fail(ErrorKind::invalid, "group '" + name + "' needs a topic to read");
  }
  std::vector<Partition*> partitions;
  // A topic that is named twice is read once.
  for (const auto& topic_name : std::set<std::string>(topic_names.begin(), topic_names.end())) {
    auto topic = MESH_TRY(find_topic(topic_name));
    for (const auto& p : topic->partitions) partitions.push_back(p.get());
  }
  std::vector<OffsetChange> fresh;
  {
    std::lock_guard lock(groups_mutex_);
    auto& group = groups_[name];
    if (!group) group = std::make_shared<Group>();
    for (auto* p : partitions) {
      auto& offset = group->offsets[p];
      if (!offset.committed)
        // A group that is new begins at the start of what is there. Its offset is stored at once:
        // from then on retention waits for it.
        fresh.push_back({p, &offset, p->bell.start, offset.epoch, offset.term});
    }
  }
  if (!fresh.empty()) {
    MESH_TRY(commit_offsets(name, std::move(fresh)));
  }
  return partitions;
}

Status SqliteLogImpl::ensure_group(const std::string& name,
                                   const std::vector<std::string>& topic_names) {
  std::lock_guard only(admin_mutex_);
  (void)MESH_TRY(known_to(name, topic_names));
  return {};
}

Result<std::unique_ptr<LogConsumer>> SqliteLogImpl::open_consumer(
    const std::string& name, const std::vector<std::string>& topic_names,
    const std::string& member) {
  std::lock_guard only(admin_mutex_);
  auto partitions = MESH_TRY(known_to(name, topic_names));
  std::shared_ptr<Group> group;
  {
    std::lock_guard lock(groups_mutex_);
    group = groups_.at(name);
  }
  auto consumer =
      std::make_unique<SqliteConsumer>(*this, name, std::move(group), member, partitions);
  MESH_TRY(consumer->open());
  return consumer;
}

Result<std::vector<GroupInfo>> SqliteLogImpl::groups() {
  std::vector<GroupInfo> infos;
  std::lock_guard lock(groups_mutex_);
  for (const auto& [name, group] : groups_) {
    GroupInfo info;
    info.name = name;
    info.active = !group->members.empty();
    info.passed_over = group->passed_over;
    for (const Member* member : group->members) {
      if (member->joined) info.members.push_back(member->name);
    }
    for (const auto& [p, offset] : group->offsets) {
      if (!offset.committed) continue;
      info.committed.emplace(p->name, *offset.committed);
      const auto from = std::max(*offset.committed, p->bell.start.load());
      // What is due to go and stays for this group's sake.
      info.holds += static_cast<std::uint64_t>(std::max<std::int64_t>(p->due_to - from, 0));
    }
    if (!info.committed.empty()) infos.push_back(std::move(info));
  }
  return infos;
}

Status SqliteLogImpl::delete_group(const std::string& name) {
  std::lock_guard only(admin_mutex_);
  {
    std::lock_guard lock(groups_mutex_);
    const auto it = groups_.find(name);
    if (it == groups_.end()) return fail(ErrorKind::not_found, "no consumer group '" + name + "'");
    if (!it->second->members.empty()) {
      return fail(ErrorKind::conflict, "group '" + name + "' is in use: stop its consumers first");
    }
  }
  // The rows first: where that fails the group is still there, and known to be.
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    auto statement = MESH_TRY(db.prepare("DELETE FROM group_offsets WHERE name=?"));
    return statement.bind_text(1, name).run();
  }));
  std::lock_guard lock(groups_mutex_);
  groups_.erase(name);
  return {};
}

}  // namespace mesh::sqlite
