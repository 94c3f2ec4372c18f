#include "common/engines/kafka/groups.h"

#include <algorithm>
#include <iterator>
#include <set>

namespace mesh::kafka {
namespace {

constexpr Duration kIdle{120'000};

using AlterOffsets = std::unique_ptr<rd_kafka_AlterConsumerGroupOffsets_t,
                                     FreeWith<rd_kafka_AlterConsumerGroupOffsets_destroy>>;
using DeleteGroup = std::unique_ptr<rd_kafka_DeleteGroup_t, FreeWith<rd_kafka_DeleteGroup_destroy>>;

tl::unexpected<Error> in_use(const std::string& group) {
  return fail(ErrorKind::conflict, "group '" + group + "' is in use: stop its consumers first");
}

rd_kafka_resp_err_t code_of(const rd_kafka_error_t* error) {
  return error == nullptr ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_error_code(error);
}

}  // namespace

Result<std::vector<std::string>> Groups::names() {
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, "list its groups",
      [](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_ListConsumerGroups(handle, how, queue);
      }));
  const auto* result = rd_kafka_event_ListConsumerGroups_result(event.get());
  std::size_t count = 0;
  const auto** errors = rd_kafka_ListConsumerGroups_result_errors(result, &count);
  if (count > 0) return fail(error_of(rd_kafka_error_code(errors[0]), "list its groups"));
  const auto** found = rd_kafka_ListConsumerGroups_result_valid(result, &count);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    auto name = cluster_.plain_name(rd_kafka_ConsumerGroupListing_group_id(found[i]));
    if (name && is_own(*name)) names.push_back(std::move(*name));
  }
  std::ranges::sort(names);
  return names;
}

// To ask what a group reads costs a handle, so that names decide.
bool Groups::is_own(const std::string& group) const {
  const auto& options = cluster_.options();
  if (!options.prefix.empty() || options.groups.empty()) return true;
  std::lock_guard lock(mutex_);
  return ensured_.contains(group) || std::ranges::any_of(options.groups, [&](const auto& own) {
           return group == own || group.starts_with(own + "-");
         });
}

Result<std::vector<GroupInfo>> Groups::describe(const std::vector<std::string>& groups) {
  std::vector<GroupInfo> infos;
  if (groups.empty()) return infos;
  std::vector<std::string> wire_names;
  std::vector<const char*> raw;
  for (const auto& group : groups) wire_names.push_back(cluster_.wire_name(group));
  for (const auto& name : wire_names) raw.push_back(name.c_str());
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, "look at its groups",
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_DescribeConsumerGroups(handle, raw.data(), raw.size(), how, queue);
      }));
  std::size_t count = 0;
  const auto** found = rd_kafka_DescribeConsumerGroups_result_groups(
      rd_kafka_event_DescribeConsumerGroups_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = code_of(rd_kafka_ConsumerGroupDescription_error(found[i]));
    if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) continue;  // gone meanwhile
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_of(code, "look at its groups"));
    GroupInfo info;
    info.name =
        cluster_.plain_name(rd_kafka_ConsumerGroupDescription_group_id(found[i])).value_or("");
    const auto members = rd_kafka_ConsumerGroupDescription_member_count(found[i]);
    for (std::size_t k = 0; k < members; ++k) {
      info.members.emplace_back(rd_kafka_MemberDescription_client_id(
          rd_kafka_ConsumerGroupDescription_member(found[i], k)));
    }
    info.active = !info.members.empty();
    infos.push_back(std::move(info));
  }
  return infos;
}

Result<std::shared_ptr<Groups::Looker>> Groups::looker_of(const std::string& group) {
  std::lock_guard lock(mutex_);
  auto& looker = lookers_[group];
  if (!looker) {
    auto handle = make_handle(cluster_.options(), RD_KAFKA_CONSUMER,
                              {{"group.id", cluster_.wire_name(group)}});
    if (!handle) {
      lookers_.erase(group);
      return fail(handle.error());
    }
    looker = std::make_shared<Looker>();
    looker->handle = std::move(*handle);
  }
  looker->used = cluster_.clock().steady();
  return looker;
}

void Groups::tidy() {
  std::map<std::string, std::shared_ptr<Looker>> gone;  // destroyed outside of the mutex
  const auto now = cluster_.clock().steady();
  std::lock_guard lock(mutex_);
  for (auto it = lookers_.begin(); it != lookers_.end();) {
    const auto next = std::next(it);
    if (now - it->second->used.load() > kIdle) gone.insert(lookers_.extract(it));
    it = next;
  }
}

// Of the topics that there are.
Result<Groups::Committed> Groups::committed(const std::string& group) {
  const auto looker = MESH_TRY(looker_of(group));
  const auto until = cluster_.deadline();
  const auto shapes = cluster_.shapes();
  for (;;) {
    auto list = make_list(shapes.size());
    for (const auto& [topic, shape] : shapes) {
      rd_kafka_topic_partition_list_add_range(list.get(), cluster_.wire_name(topic).c_str(), 0,
                                              shape.partitions - 1);
    }
    if (list->cnt == 0) return Committed{};
    const auto left = std::chrono::duration_cast<Duration>(until - cluster_.clock().steady());
    auto code =
        rd_kafka_committed(looker->handle.get(), list.get(), std::max(1, milliseconds(left)));
    Committed offsets;
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; ++i) {
      const auto& one = list->elems[i];
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR &&
          one.err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        code = one.err;
      } else if (one.offset >= 0) {
        offsets[{*cluster_.plain_name(one.topic), one.partition}] = one.offset;
      }
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return offsets;
    if (!passes(code) || cluster_.clock().steady() + Duration(100) >= until) {
      return fail(error_of(code, "look at the offsets of group '" + group + "'"));
    }
    cluster_.pause(Duration(50));
  }
}

Status Groups::set(const std::string& group, const Committed& offsets) {
  if (offsets.empty()) return {};
  const auto list = make_list(offsets.size());
  for (const auto& [name, offset] : offsets) {
    rd_kafka_topic_partition_list_add(list.get(), cluster_.wire_name(name.topic).c_str(),
                                      name.partition)
        ->offset = offset;
  }
  const AlterOffsets request(
      rd_kafka_AlterConsumerGroupOffsets_new(cluster_.wire_name(group).c_str(), list.get()));
  const std::string doing = "set the offsets of group '" + group + "'";
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, doing,
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_AlterConsumerGroupOffsets_t* one[] = {request.get()};
        rd_kafka_AlterConsumerGroupOffsets(handle, one, 1, how, queue);
      }));
  std::size_t count = 0;
  const auto** found = rd_kafka_AlterConsumerGroupOffsets_result_groups(
      rd_kafka_event_AlterConsumerGroupOffsets_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    auto code = code_of(rd_kafka_group_result_error(found[i]));
    const auto* set = rd_kafka_group_result_partitions(found[i]);
    for (int k = 0; set != nullptr && k < set->cnt; ++k) {
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = set->elems[k].err;
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
    auto error = error_of(code, doing);
    // The coordinator knows its members, and this is none of them.
    if (error.kind == ErrorKind::conflict) return in_use(group);
    return fail(std::move(error));
  }
  return {};
}

// Kafka's retention waits for no group, but its offsets say that it reads these topics, and that it
// begins at their start.
Status Groups::ensure(const std::string& group, const std::vector<std::string>& topics) {
  if (group.empty()) return fail(ErrorKind::invalid, "a consumer group needs a name");
  if (topics.empty()) {
    return fail(ErrorKind::invalid, "group '" + group + "' needs a topic to read");
  }
  {
    std::lock_guard lock(mutex_);
    ensured_.insert(group);
  }
  std::vector<TopicPartition> fresh;
  for (const auto& topic : std::set<std::string>(topics.begin(), topics.end())) {
    const int count = MESH_TRY(cluster_.partitions(topic));
    for (int i = 0; i < count; ++i) fresh.push_back({topic, i});
  }
  const auto known = MESH_TRY(committed(group));
  std::erase_if(fresh, [&](const auto& partition) { return known.contains(partition); });
  if (fresh.empty()) return {};
  const auto starts = MESH_TRY(cluster_.offsets(fresh, RD_KAFKA_OFFSET_BEGINNING));
  Committed offsets;
  for (const auto& [partition, start] : starts) offsets[partition] = start.value_or(0);
  const auto done = set(group, offsets);
  // One that has members begins at the start by itself, and commits.
  if (!done && done.error().kind == ErrorKind::conflict) return {};
  return done;
}

Result<std::vector<GroupInfo>> Groups::list() {
  MESH_TRY(cluster_.refresh());
  const auto all = MESH_TRY(names());
  auto infos = MESH_TRY(describe(all));
  std::set<TopicPartition> partitions;
  for (auto& info : infos) {
    info.committed = MESH_TRY(committed(info.name));
    for (const auto& [partition, offset] : info.committed) partitions.insert(partition);
  }
  const auto starts =
      MESH_TRY(cluster_.offsets({partitions.begin(), partitions.end()}, RD_KAFKA_OFFSET_BEGINNING));
  for (auto& info : infos) {
    for (const auto& [partition, offset] : info.committed) {
      const auto start = starts.at(partition).value_or(0);
      info.passed_over += static_cast<std::uint64_t>(std::max<std::int64_t>(0, start - offset));
    }
  }
  std::erase_if(infos, [](const auto& info) { return !info.active && info.committed.empty(); });
  return infos;
}

Status Groups::seek(const std::string& group,
                    const std::map<TopicPartition, std::int64_t>& offsets) {
  if (group.empty()) return fail(ErrorKind::invalid, "a consumer group needs a name");
  std::vector<TopicPartition> partitions;
  for (const auto& [partition, offset] : offsets) {
    MESH_TRY(cluster_.check(partition));
    partitions.push_back(partition);
  }
  const auto ends = MESH_TRY(cluster_.offsets(partitions, RD_KAFKA_OFFSET_END));
  Committed targets;
  for (const auto& [partition, offset] : offsets) {
    // It may lie below the start, which retention moves: a read then begins at the start.
    targets[partition] = std::clamp<std::int64_t>(offset, 0, ends.at(partition).value_or(0));
  }
  return set(group, targets);
}

Status Groups::remove(const std::string& group) {
  const DeleteGroup request(rd_kafka_DeleteGroup_new(cluster_.wire_name(group).c_str()));
  const std::string doing = "delete group '" + group + "'";
  auto event = MESH_TRY(cluster_.ask(
      RD_KAFKA_ADMIN_OP_DELETEGROUPS, doing,
      [&](rd_kafka_t* handle, const rd_kafka_AdminOptions_t* how, rd_kafka_queue_t* queue) {
        rd_kafka_DeleteGroup_t* one[] = {request.get()};
        rd_kafka_DeleteGroups(handle, one, 1, how, queue);
      }));
  std::size_t count = 0;
  const auto** found =
      rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto code = code_of(rd_kafka_group_result_error(found[i]));
    if (code == RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP) return in_use(group);
    if (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND) {
      return fail(ErrorKind::not_found, "no consumer group '" + group + "'");
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(error_of(code, doing));
  }
  return {};
}

}  // namespace mesh::kafka
