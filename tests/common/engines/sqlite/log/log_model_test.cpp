// Random histories of a log against a model of plain containers.
#include <rapidcheck.h>

#include <map>
#include <set>

#include "common/base/ids.h"
#include "tests/common/engines/sqlite/log/log_fixture.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/manual_clock.h"
#include "tests/support/read_all.h"

namespace mesh::sqlite {
namespace {

constexpr int kPartitions = 2;
constexpr Duration kAge{10'000}, kTombstoneAge{20'000};
const std::string kEntity = "user.events", kActivity = "analytics.events";

struct Entry {
  std::string key;
  std::optional<std::string> value;
  std::int64_t time;
};
// What a partition holds, by offset, and what the engine may already have removed.
struct ModelPartition {
  std::map<std::int64_t, Entry> all;
  std::int64_t end = 0;
};
using Partitions = std::map<TopicPartition, ModelPartition>;

struct Sut {
  test::TempDir dir;
  ManualClock clock;
  LogOptions options;
  std::unique_ptr<SqliteLog> log;
  Partitions model;
  std::map<TopicPartition, std::int64_t> committed;  // of group "g"
  // What it had committed at most in any round of upkeep: beyond it nothing expires.
  std::map<TopicPartition, std::int64_t> committed_at_upkeep;
  std::unique_ptr<LogConsumer> consumer;
  std::map<TopicPartition, std::int64_t> position;

  Sut() {
    options.upkeep_interval = Duration(0);
    options.min_compaction_lag = Duration(0);
    options.dirty_ratio = 0;
    options.delete_retention = kTombstoneAge;
    open();
    RC_ASSERT(log->ensure_topic({kEntity, TopicKind::entity, kPartitions, {}, {}}));
    RC_ASSERT(log->ensure_topic({kActivity, TopicKind::activity, kPartitions, kAge, {}}));
    for (const auto& topic : {kEntity, kActivity}) {
      for (int p = 0; p < kPartitions; ++p) model[{topic, p}];
    }
    open_consumer();
  }
  void open() {
    consumer.reset();
    log.reset();
    auto opened = SqliteLog::open(dir.path(), options, clock);
    RC_ASSERT(opened);
    log = std::move(*opened);
  }
  void open_consumer() {
    consumer.reset();
    consumer = log->open_consumer("g", {kEntity, kActivity}, "m").value();
    (void)consumer->changes();
    position = committed;
    for (const auto& [name, partition] : model) position.try_emplace(name, 0);
  }

  void append() {
    std::vector<Record> records;
    const auto count = *rc::gen::inRange(1, 6);
    for (int i = 0; i < count; ++i) {
      const bool entity = *rc::gen::arbitrary<bool>();
      const auto key = "k" + std::to_string(*rc::gen::inRange(0, 5));
      Record r{entity ? kEntity : kActivity, key, {}, {{"h", key}}};
      if (!entity || *rc::gen::inRange(0, 4) > 0) r.value = *rc::gen::arbitrary<std::string>();
      records.push_back(r);
    }
    const bool poisoned = *rc::gen::inRange(0, 8) == 0;
    auto sent = records;
    if (poisoned) sent.push_back({"unknown", "k", "v", {}});
    const auto positions = test::append_and_wait(*log, sent);
    RC_ASSERT(positions.has_value() == !poisoned);
    if (poisoned) return;
    const auto now = clock.now().time_since_epoch().count();
    for (std::size_t i = 0; i < records.size(); ++i) {
      const auto& r = records[i];
      const TopicPartition name{r.topic, static_cast<int>(stable_hash(r.key) % kPartitions)};
      auto& p = model[name];
      RC_ASSERT((*positions)[i] == (Position{name.topic, name.partition, p.end}));
      p.all[p.end++] = {r.key, r.value, now};
    }
  }

  // What is read is a subset of what was written, in order; what must be there is there.
  void check_partition(const TopicPartition& name) {
    const auto& p = model[name];
    const auto marks = log->watermarks(name);
    RC_ASSERT(marks);
    RC_ASSERT(marks->end == p.end);
    const auto records = test::read_all(*log, name, 0, {100'000, 1 << 30});
    RC_ASSERT(records);
    std::set<std::int64_t> there;
    std::int64_t last = -1;
    for (const auto& r : *records) {
      const auto offset = r.position.offset;
      RC_ASSERT(offset > last && offset >= marks->start);
      last = offset;
      const auto& entry = p.all.at(offset);
      RC_ASSERT(r.key == entry.key && r.value == entry.value);
      RC_ASSERT(r.time.time_since_epoch().count() == entry.time);
      RC_ASSERT(r.headers == (Headers{{"h", entry.key}}));
      there.insert(offset);
    }
    const auto now = clock.now().time_since_epoch().count();
    std::set<std::string> superseded;
    for (auto it = p.all.rbegin(); it != p.all.rend(); ++it) {
      const auto& [offset, entry] = *it;
      bool must = false;
      if (name.topic == kActivity) {
        must = entry.time >= now - kAge.count() || offset >= committed_at_upkeep[name];
      } else {
        must = superseded.insert(entry.key).second &&
               (entry.value || entry.time > now - kTombstoneAge.count());
      }
      RC_ASSERT(!must || there.contains(offset));
    }
    std::uint64_t counted = 0;
    const auto topics = log->topics().value();
    for (const auto& info : topics) {
      if (info.spec.name == name.topic) counted = info.records;
    }
    RC_ASSERT(counted >= there.size());
  }

  // After upkeep nothing is left that should be gone.
  void upkeep() {
    for (const auto& [name, next] : committed) {
      committed_at_upkeep[name] = std::max(committed_at_upkeep[name], next);
    }
    RC_ASSERT(log->upkeep());
    const auto now = clock.now().time_since_epoch().count();
    for (const auto& [name, p] : model) {
      check_partition(name);
      const auto records = test::read_all(*log, name, 0, {100'000, 1 << 30});
      std::map<std::string, std::int64_t> last;
      for (const auto& [offset, entry] : p.all) last[entry.key] = offset;
      for (const auto& r : *records) {
        if (name.topic == kActivity) {
          RC_ASSERT(r.time.time_since_epoch().count() >= now - kAge.count() ||
                    r.position.offset >= committed[name]);
        } else {
          RC_ASSERT(last[r.key] == r.position.offset || r.position.offset == p.end - 1);
        }
      }
    }
    std::map<std::string, std::uint64_t> counts;
    for (const auto& [name, p] : model) {
      counts[name.topic] += log->read(name, 0, {100'000, 1 << 30})->records.size();
    }
    const auto topics = log->topics().value();
    for (const auto& info : topics) RC_ASSERT(info.records == counts[info.spec.name]);
  }

  void poll() {
    const auto limit = static_cast<std::size_t>(*rc::gen::inRange(1, 20));
    const auto records = consumer->poll({limit, 1 << 20}, Duration(0));
    RC_ASSERT(records);
    RC_ASSERT(records->size() <= limit);
    for (const auto& r : *records) {
      const TopicPartition name{r.position.topic, r.position.partition};
      RC_ASSERT(r.position.offset >= position[name]);
      position[name] = r.position.offset + 1;
    }
    for (const auto& [name, next] : consumer->position()) {
      RC_ASSERT(next >= position[name]);  // gaps are skipped
      position[name] = next;
    }
  }
  void commit() {
    RC_ASSERT(consumer->commit(position));
    committed = position;
  }
  void seek_group() {
    std::map<TopicPartition, std::int64_t> to;
    for (const auto& [name, p] : model) {
      if (*rc::gen::arbitrary<bool>()) to[name] = *rc::gen::inRange<std::int64_t>(0, p.end + 1);
    }
    const auto stale = position;
    RC_ASSERT(log->seek_group("g", to));
    for (const auto& [name, next] : to) position[name] = committed[name] = next;
    const auto late = consumer->commit(stale);  // all or nothing
    RC_ASSERT(late.has_value() == to.empty());
    if (late) committed = stale;
    const auto changes = consumer->changes();
    RC_ASSERT(changes.lost.empty());
    for (const auto& [name, next] : to) RC_ASSERT(changes.gained.at(name) == next);
  }
  void check_groups() {
    const auto groups = log->groups().value();
    for (const auto& group : groups) {
      for (const auto& [name, next] : group.committed) RC_ASSERT(committed[name] == next);
      RC_ASSERT(group.committed.size() == committed.size());
    }
  }
};

TEST(LogModel, EveryHistoryReadsAsTheModelSays) {
  EXPECT_TRUE(rc::check([] {
    Sut sut;
    const auto steps = *rc::gen::inRange(5, 60);
    for (int step = 0; step < steps; ++step) {
      switch (*rc::gen::inRange(0, 12)) {
        case 0:
        case 1:
        case 2:
        case 3:
          sut.append();
          break;
        case 4:
          sut.clock.advance(Duration(*rc::gen::inRange(0, 8'000)));
          break;
        case 5:
          sut.upkeep();
          break;
        case 6:
        case 7:
          sut.poll();
          break;
        case 8:
          sut.commit();
          break;
        case 9:
          sut.seek_group();
          break;
        case 10:
          sut.open();
          sut.open_consumer();
          break;
        default:
          for (const auto& [name, p] : sut.model) sut.check_partition(name);
          sut.check_groups();
      }
    }
    sut.upkeep();
  }));
}

}  // namespace
}  // namespace mesh::sqlite
