// The hottest path: encoding in the caller's thread, offsets and rows in the committer's.
#include <future>

#include "common/base/ids.h"
#include "common/domain/event.h"
#include "common/engines/sqlite/log/codec.h"
#include "common/engines/sqlite/log/log_impl.h"

namespace mesh::sqlite {

// What one append() hands to the committer; it owns itself until its completion.
struct SqliteLogImpl::Batch {
  struct Entry {
    Partition* partition;
    std::size_t begin, size;  // of the body in `bodies`
    std::uint64_t hash;
    std::int64_t time = 0;  // the record's own, of one that is imported
    std::int64_t offset = 0;
  };
  void add(Partition& partition, const Record& record, std::int64_t time = 0);

  std::string bodies;
  std::vector<Entry> entries;
  AppendDone done;
};

void SqliteLogImpl::Batch::add(Partition& partition, const Record& record, std::int64_t time) {
  const auto begin = bodies.size();
  encode_body(record, bodies);
  const auto body = std::string_view(bodies).substr(begin);
  // Hashed here, in the caller's thread: the committer's does only what must be in order.
  entries.push_back({&partition, begin, body.size(), stable_hash(body), time});
}

namespace {

// Whether clients write the topic themselves. What the mesh writes has had its turn elsewhere
// (users' changes in the store, dead letters in a pipeline), and it holds up everybody's if it
// waits.
bool takes_turns(const TopicSpec& spec) {
  return spec.kind == TopicKind::activity && !is_dead_letter_topic(spec.name);
}

}  // namespace

void SqliteLogImpl::append(std::vector<Record> records, AppendDone done) {
  if (records.empty()) return done(std::vector<Position>{});
  auto batch = std::make_unique<Batch>();
  batch->done = std::move(done);
  batch->entries.reserve(records.size());
  std::size_t estimate = 0;
  for (const auto& r : records) {
    // Roughly what encode_body writes: one allocation for all bodies, most often.
    estimate += r.key.size() + (r.value ? r.value->size() : 0) + 8;
    for (const auto& [name, value] : r.headers) estimate += name.size() + value.size() + 2;
  }
  batch->bodies.reserve(estimate + records.size() * 8);
  Topic* topic = nullptr;
  // The tenant of all records, whose turn of the committer this is; nobody's where they are mixed.
  const auto tenant = tenant_of_key(records.front().key);
  bool of_tenant = true;
  for (const auto& r : records) {
    if (topic == nullptr || topic->spec.name != r.topic) {
      auto found = find_topic(r.topic);
      if (!found) return batch->done(fail(found.error()));
      topic = *found;
      of_tenant = of_tenant && takes_turns(topic->spec);
    }
    of_tenant = of_tenant && tenant_of_key(r.key) == tenant;
    batch->add(topic->for_key(r.key, stable_hash(r.key)), r);
  }
  submit(std::move(batch), of_tenant ? tenant : std::string_view());
}

Status SqliteLogImpl::import(std::vector<StoredRecord> records) {
  if (records.empty()) return {};
  auto batch = std::make_unique<Batch>();
  for (auto& stored : records) {
    const auto partition = MESH_TRY(find({stored.position.topic, stored.position.partition}));
    const Record record{
        {}, std::move(stored.key), std::move(stored.value), std::move(stored.headers)};
    batch->add(*partition, record, to_millis(stored.time));
  }
  // Shared with the completion: set_value may still be running when the future wakes this thread.
  auto done = std::make_shared<std::promise<Status>>();
  auto future = done->get_future();
  batch->done = [done](Result<std::vector<Position>> positions) {
    done->set_value(positions ? Status() : fail(std::move(positions.error())));
  };
  submit(std::move(batch), {});
  return future.get();
}

void SqliteLogImpl::submit(std::unique_ptr<Batch> batch, std::string_view tenant) {
  constexpr std::size_t kOverhead = 128;  // of a waiting entry
  const auto bytes = batch->bodies.size() + batch->entries.size() * kOverhead;
  // Raw, because a std::function keeps two pointers in place but would put an owner on the heap;
  // submit calls the completion exactly once, and the job never after it.
  auto* raw = batch.release();
  committer_.submit(
      tenant, bytes, [this, raw](Database& db) { return insert_batch(db, *raw); },
      [this, raw](Status status) {
        std::unique_ptr<Batch> own(raw);
        finish_batch(*own, std::move(status));
      });
}

Status SqliteLogImpl::insert_batch(Database& db, Batch& batch) {
  for (std::size_t i = 0; i < batch.entries.size(); ++i) {
    auto& entry = batch.entries[i];
    auto& p = *entry.partition;
    if (!p.touched) {
      p.touched = true;
      touched_.push_back(&p);
    }
    Status inserted;
    // Kept with the partition: the cache of statements is too small for thousands of tables.
    if (!p.insert) {
      if (auto statement = db.prepare(p.insert_sql)) {
        p.insert.emplace(std::move(*statement));
      } else {
        inserted = fail(statement.error());
      }
    }
    if (inserted) {
      entry.offset = p.staged.end;
      // A clock that goes back must not make times fall, which offset_at relies on.
      const auto time = entry.time != 0 ? entry.time : transaction_time_;
      const RowPlace place{p.id, entry.offset, std::max(p.staged.time, time), p.staged.total};
      inserted = p.insert->bind(1, place.offset)
                     .bind(2, place.time)
                     .bind(3, place.total)
                     .bind(4, row_checksum(entry.hash, place))
                     .bind_blob(5, std::string_view(batch.bodies).substr(entry.begin, entry.size))
                     .run();
      if (inserted) {
        p.staged =
            Tail{place.offset + 1, place.total + static_cast<std::int64_t>(entry.size), place.time};
      }
    }
    if (!inserted) {
      // The rows are undone by the committer; the offsets go back here, for the jobs behind.
      while (i-- > 0) {
        const auto& done = batch.entries[i];
        // The time needs no way back: it is the transaction's, or one that was there before, or
        // a record's that is imported, which comes again.
        --done.partition->staged.end;
        done.partition->staged.total -= static_cast<std::int64_t>(done.size);
      }
      return inserted;
    }
  }
  return {};
}

void SqliteLogImpl::finish_batch(Batch& batch, Status status) {
  if (!status) return batch.done(fail(std::move(status).error()));
  std::vector<Position> positions;
  positions.reserve(batch.entries.size());
  for (const auto& entry : batch.entries) {
    const auto& name = entry.partition->name;
    positions.push_back({name.topic, name.partition, entry.offset});
  }
  batch.done(std::move(positions));
}

void SqliteLogImpl::begin_transaction() {
  for (auto* p : touched_) {
    // What a transaction that was undone had staged goes back here.
    p->staged = p->durable;
    p->touched = false;
  }
  touched_.clear();
  transaction_time_ = to_millis(clock_.now());
}

void SqliteLogImpl::publish() {
  grown_.clear();
  for (auto* p : touched_) {
    p->touched = false;
    // All of its jobs failed.
    if (p->staged.end == p->durable.end) continue;
    p->durable = p->staged;
    p->total = p->durable.total;
    p->bell.end = p->durable.end;
    grown_.push_back(&p->bell);
  }
  touched_.clear();
  // Before the completions: who is told of an answer reads what is published already.
  waits_.ring(grown_);
}

}  // namespace mesh::sqlite
