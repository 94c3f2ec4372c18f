// Opening, topics, closing.
#include "common/engines/sqlite/log/sqlite_log.h"

#include <algorithm>

#include "common/base/ids.h"
#include "common/base/thread.h"
#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/plain_copy.h"
#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"
#include "common/engines/sqlite/log/schema.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr int kMaxReaders = 16;
constexpr int kMaxPartitionsPerTopic = 1'024;
constexpr std::size_t kMaxPartitions = 16'384;  // a table each: more would make opening slow

std::string_view kind_name(TopicKind kind) {
  return kind == TopicKind::entity ? "entity" : "activity";
}

}  // namespace

std::int64_t to_millis(Timestamp time) { return time.time_since_epoch().count(); }

Error damaged(const Partition& partition, std::int64_t offset, std::string cause) {
  const auto where = to_string(Position{partition.name.topic, partition.name.partition, offset});
  return damaged_file("log.db", std::move(cause), where);
}

Partition::Partition(std::int64_t row_id, TopicPartition tp)
    : id(row_id),
      name(std::move(tp)),
      insert_sql("INSERT INTO r" + std::to_string(id) + "(o,t,total,sum,body) VALUES(?,?,?,?,?)"),
      read_sql("SELECT o,t,total,sum,body FROM r" + std::to_string(id) +
               " WHERE o>=? AND o<? ORDER BY o") {}

Partition& Topic::for_key(std::string_view key, std::uint64_t hash_of_key) {
  const std::uint64_t number =
      key.empty() ? round_robin.fetch_add(1, std::memory_order_relaxed) : hash_of_key;
  return *partitions[number % partitions.size()];
}

Result<std::unique_ptr<SqliteLog>> SqliteLog::open(const std::string& dir, LogOptions options,
                                                   Clock& clock) {
  const std::string path = dir + "/log.db";
  // Before SQLite looks at it: an open would take a damaged middle for the end, and drop what
  // follows.
  MESH_TRY(verify_wal(path));
  MESH_TRY(adopt_plain_copy(path));
  auto db = MESH_TRY(Database::open(path, Database::Mode::read_write));
  MESH_TRY(prepare_log(*db));
  // What expires is as much as what comes: to overwrite its pages would double the writes.
  MESH_TRY(db->execute("PRAGMA secure_delete=FAST"));
  auto* writer = db.get();
  auto log = std::make_unique<SqliteLogImpl>(path, std::move(options), clock, std::move(db));
  MESH_TRY(log->load(*writer));
  log->start();
  return log;
}

SqliteLogImpl::SqliteLogImpl(const std::string& path, LogOptions options, Clock& clock,
                             std::unique_ptr<Database> writer)
    : options_(std::move(options)),
      clock_(clock),
      committer_(std::move(writer), path,
                 {.max_pending_bytes = options_.max_pending_bytes,
                  .on_fatal = options_.on_fatal,
                  .on_commit = options_.on_commit}),
      readers_(path, kMaxReaders),
      waits_(clock) {
  committer_.on_begin([this] { begin_transaction(); });
  committer_.on_committed([this] { publish(); });
}

SqliteLogImpl::~SqliteLogImpl() { close(); }

// Before the first submit, so the writer's connection is free. One seek per partition, no scans.
Status SqliteLogImpl::load(Database& db) {
  auto topic_rows = MESH_TRY(db.prepare("SELECT name, kind, max_age, max_bytes FROM topics"));
  for (;;) {
    auto row = MESH_TRY(topic_rows.step());
    if (!row) break;
    auto topic = std::make_unique<Topic>();
    topic->spec.name = topic_rows.text(0);
    topic->spec.kind = topic_rows.text(1) == "entity" ? TopicKind::entity : TopicKind::activity;
    topic->spec.partitions = 0;
    if (!topic_rows.is_null(2)) topic->spec.max_age = Duration(topic_rows.integer(2));
    if (!topic_rows.is_null(3)) {
      topic->spec.max_bytes = static_cast<std::uint64_t>(topic_rows.integer(3));
    }
    topics_.emplace(topic->spec.name, std::move(topic));
  }
  auto rows = MESH_TRY(db.prepare(
      "SELECT id, topic, number, start, gaps_to, clean_to, tombstone_due, removed_records,"
      " removed_bytes, tail_end, tail_total, tail_time FROM partitions ORDER BY topic, number"));
  for (;;) {
    auto row = MESH_TRY(rows.step());
    if (!row) break;
    const auto topic = topics_.find(rows.text(1));
    const auto number = rows.integer(2);
    // By topic and number, so that numbers count up from 0; a hole would send keys to other
    // partitions.
    if (topic == topics_.end() || number != topic->second->spec.partitions) {
      return fail(damaged_file("log.db",
                               "partition " + std::to_string(rows.integer(0)) + " fits no topic"));
    }
    ++topic->second->spec.partitions;
    auto p = std::make_unique<Partition>(
        rows.integer(0), TopicPartition{topic->first, static_cast<std::int32_t>(number)});
    p->bell.start = rows.integer(3);
    p->gaps_to = rows.integer(4);
    p->clean_to = p->seen_to = rows.integer(5);
    p->tombstone_due = rows.integer(6);
    p->removed_records = rows.integer(7);
    p->removed_bytes = rows.integer(8);
    p->durable = Tail{rows.integer(9), rows.integer(10), rows.integer(11)};

    auto last = db.prepare("SELECT o,t,total,sum,body FROM r" + std::to_string(p->id) +
                           " ORDER BY o DESC LIMIT 1");
    if (!last) return fail(damaged(*p, p->durable.end, last.error().cause));
    auto found = last->step();
    if (!found) return fail(damaged(*p, p->durable.end, found.error().cause));
    if (*found) {
      const auto body = last->text(4);
      const RowPlace place{p->id, last->integer(0), last->integer(1), last->integer(2)};
      if (row_checksum(stable_hash(body), place) != last->integer(3)) {
        return fail(damaged(*p, place.offset, "the last record's checksum is wrong"));
      }
      // A repair that lost the last records leaves the tail beyond what is there.
      if (place.offset >= p->durable.end) {
        p->durable = Tail{place.offset + 1, place.total + static_cast<std::int64_t>(body.size()),
                          place.time};
      }
    }
    p->staged = p->durable;
    p->total = p->durable.total;
    p->bell.end = p->durable.end;
    partitions_.emplace(p->id, p.get());
    topic->second->partitions.push_back(std::move(p));
  }
  for (const auto& [name, topic] : topics_) {
    if (topic->partitions.empty()) {
      return fail(damaged_file("log.db", "topic " + name + " has no partitions"));
    }
  }
  auto offsets = MESH_TRY(db.prepare("SELECT name, partition, next FROM group_offsets"));
  for (;;) {
    auto row = MESH_TRY(offsets.step());
    if (!row) return {};
    const auto partition = partitions_.find(offsets.integer(1));
    // Of a partition that a repair did not bring back.
    if (partition == partitions_.end()) continue;
    auto& group = groups_[std::string(offsets.text(0))];
    if (!group) group = std::make_shared<Group>();
    auto next = offsets.integer(2);
    if (const auto end = partition->second->durable.end; next > end) {
      log::warn("a group's offset lies beyond the end of the log; it goes on from the end",
                {{"group", offsets.text(0)},
                 {"topic", partition->second->name.topic},
                 {"partition", partition->second->name.partition},
                 {"offset", next},
                 {"end", end}});
      next = end;
    }
    group->offsets[partition->second].committed = next;
  }
}

void SqliteLogImpl::start() {
  if (options_.upkeep_interval > Duration(0)) {
    upkeep_thread_ = std::thread([this] {
      name_thread("log-upkeep");
      stand_back(Standing::background);
      upkeep_loop();
    });
  }
}

void SqliteLogImpl::close() {
  {
    std::lock_guard lock(close_mutex_);
    closed_ = true;
    close_cv_.notify_all();
  }
  // Pollers first: what they wait for comes no more.
  waits_.close();
  committer_.stop();
  std::lock_guard only(admin_mutex_);  // the second of two callers waits for the first
  if (upkeep_thread_.joinable()) upkeep_thread_.join();
}

Result<Topic*> SqliteLogImpl::find_topic(std::string_view name) {
  std::shared_lock lock(topics_mutex_);
  const auto it = topics_.find(name);
  if (it != topics_.end()) return it->second.get();
  return fail(ErrorKind::not_found, "there is no topic \"" + std::string(name) + "\"");
}

Result<Partition*> SqliteLogImpl::find(const TopicPartition& name) {
  auto topic = MESH_TRY(find_topic(name.topic));
  const auto& partitions = topic->partitions;
  if (name.partition < 0 || static_cast<std::size_t>(name.partition) >= partitions.size()) {
    return fail(ErrorKind::not_found, "topic '" + name.topic + "' has partitions 0 to " +
                                          std::to_string(partitions.size() - 1) + ", not " +
                                          std::to_string(name.partition));
  }
  return partitions[static_cast<std::size_t>(name.partition)].get();
}

Status SqliteLogImpl::ensure_topic(const TopicSpec& spec) {
  std::lock_guard only(admin_mutex_);
  // What is there keeps its partitions: another number would send the same keys elsewhere.
  if (auto topic = find_topic(spec.name)) return update_retention(**topic, spec);
  if (spec.name.empty() || spec.name.size() > 249 || spec.partitions < 1 ||
      spec.partitions > kMaxPartitionsPerTopic) {
    return fail(ErrorKind::invalid, "topic '" + spec.name +
                                        "': the name needs 1 to 249 bytes, and 1 to " +
                                        std::to_string(kMaxPartitionsPerTopic) + " partitions");
  }
  if (partitions_.size() + static_cast<std::size_t>(spec.partitions) > kMaxPartitions) {
    return fail(ErrorKind::unavailable, "no room for topic '" + spec.name +
                                            "': the log holds at most " +
                                            std::to_string(kMaxPartitions) + " partitions");
  }
  std::vector<std::int64_t> ids;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    // The job may run twice.
    ids.clear();
    auto topic =
        MESH_TRY(db.prepare("INSERT INTO topics(name, kind, max_age, max_bytes) VALUES(?,?,?,?)"));
    topic.bind_text(1, spec.name).bind_text(2, kind_name(spec.kind));
    if (spec.max_age) topic.bind(3, std::int64_t{spec.max_age->count()});
    if (spec.max_bytes) topic.bind(4, static_cast<std::int64_t>(*spec.max_bytes));
    MESH_TRY(topic.run());
    for (int number = 0; number < spec.partitions; ++number) {
      auto partition = MESH_TRY(db.prepare("INSERT INTO partitions(topic, number) VALUES(?,?)"));
      partition.bind_text(1, spec.name).bind(2, std::int64_t{number});
      MESH_TRY(partition.run());
      ids.push_back(db.last_insert_rowid());
      MESH_TRY(db.execute("CREATE TABLE r" + std::to_string(ids.back()) +
                          "(o INTEGER PRIMARY KEY, t INTEGER NOT NULL, total INTEGER NOT NULL,"
                          " sum INTEGER NOT NULL, body BLOB NOT NULL)"));
    }
    return {};
  }));
  auto topic = std::make_unique<Topic>();
  topic->spec = spec;
  for (const auto id : ids) {
    const auto number = static_cast<std::int32_t>(topic->partitions.size());
    topic->partitions.push_back(std::make_unique<Partition>(id, TopicPartition{spec.name, number}));
  }
  {
    std::unique_lock lock(topics_mutex_);
    // Only now, when the tables are durable: nobody appends to what a crash would take away.
    for (const auto& p : topic->partitions) partitions_.emplace(p->id, p.get());
    topics_.emplace(spec.name, std::move(topic));
  }
  waits_.tell_watches();
  return {};
}

Status SqliteLogImpl::begin(const std::vector<TopicSpec>& specs) {
  for (const TopicSpec& spec : specs) {
    TopicSpec open = spec;
    open.max_age.reset();
    open.max_bytes.reset();
    MESH_TRY(ensure_topic(open));
    const auto topic = MESH_TRY(find_topic(spec.name));
    if (topic->spec.partitions == spec.partitions) continue;
    return fail(ErrorKind::conflict,
                "topic '" + spec.name + "' has " + std::to_string(topic->spec.partitions) +
                    " partitions here, not " + std::to_string(spec.partitions));
  }
  return {};
}

Status SqliteLogImpl::update_retention(Topic& topic, const TopicSpec& spec) {
  if (topic.spec.kind != spec.kind) {
    return fail(ErrorKind::conflict, "topic '" + spec.name + "' exists as one of kind " +
                                         std::string(kind_name(topic.spec.kind)) +
                                         ", which cannot be changed");
  }
  {
    std::shared_lock lock(topics_mutex_);
    if (topic.spec.max_age == spec.max_age && topic.spec.max_bytes == spec.max_bytes) return {};
  }
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    auto update = MESH_TRY(db.prepare("UPDATE topics SET max_age=?, max_bytes=? WHERE name=?"));
    if (spec.max_age) update.bind(1, std::int64_t{spec.max_age->count()});
    if (spec.max_bytes) update.bind(2, static_cast<std::int64_t>(*spec.max_bytes));
    return update.bind_text(3, spec.name).run();
  }));
  std::unique_lock lock(topics_mutex_);
  topic.spec.max_age = spec.max_age;
  topic.spec.max_bytes = spec.max_bytes;
  return {};
}

Result<std::vector<TopicInfo>> SqliteLogImpl::topics() {
  std::vector<TopicInfo> infos;
  std::shared_lock lock(topics_mutex_);
  for (const auto& [name, topic] : topics_) {
    TopicInfo info;
    info.spec = topic->spec;
    for (const auto& p : topic->partitions) {
      const Watermarks marks{p->bell.start, p->bell.end};
      // removed_records counts all below the start as well, so that the end less it is what is
      // there.
      info.records += static_cast<std::uint64_t>(marks.end - p->removed_records);
      info.bytes += static_cast<std::uint64_t>(p->total - p->removed_bytes);
      info.partitions.push_back(marks);
      info.held += static_cast<std::uint64_t>(std::max<std::int64_t>(p->due_to - marks.start, 0));
      info.passed_over += p->passed_over;
    }
    infos.push_back(std::move(info));
  }
  return infos;
}

}  // namespace mesh::sqlite
