#include "common/engines/sqlite/store/outbox.h"

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/store/record_codec.h"

namespace mesh::sqlite {

Status add_to_outbox(Database& db, const Event& event) {
  const Record record = to_record(event);
  const std::string bytes = encode_record(record.topic, record.key, record.value, record.headers);
  return execute(db, "INSERT INTO outbox(record) VALUES(?)", Blob{bytes});
}

SqliteOutbox::SqliteOutbox(Committer& committer, ReaderPool& readers, std::int64_t waiting)
    : committer_(committer), readers_(readers), waiting_(waiting) {
  committer_.on_committed([this] { committed(); });
}

Status SqliteOutbox::add(Database& db, const Event& event) {
  // A job that is undone later leaves this set: one needless notification, never a missing one.
  added_ = true;
  return add_to_outbox(db, event);
}

Result<std::vector<OutboxEntry>> SqliteOutbox::pending(std::int64_t after, int limit) {
  return read_from(readers_, [&](Database& db) -> Result<std::vector<OutboxEntry>> {
    std::vector<OutboxEntry> entries;
    Status read = each_row(
        query(db, "SELECT sequence,record FROM outbox WHERE sequence>? ORDER BY sequence LIMIT ?",
              after, limit),
        [&](const Statement& row) -> Status {
          auto record = decode_record(row.text(1));
          if (!record) return fail(std::move(record.error()));
          entries.push_back({row.integer(0), std::move(*record)});
          return {};
        });
    if (!read) return fail(std::move(read.error()));
    return entries;
  });
}

void SqliteOutbox::acknowledge(std::int64_t sequence, std::function<void(Status)> done) {
  submit_with_result<std::int64_t>(
      committer_, 64,
      [sequence](Database& db) -> Result<std::int64_t> {
        Status removed = execute(db, "DELETE FROM outbox WHERE sequence<=?", sequence);
        if (!removed) return fail(std::move(removed.error()));
        return db.changes();
      },
      [this, done = std::move(done)](Result<std::int64_t> removed) {
        if (!removed) return done(fail(std::move(removed.error())));
        waiting_ -= *removed;
        done({});
      });
}

void SqliteOutbox::on_added(std::function<void()> notify) {
  std::lock_guard lock(mutex_);
  notify_ = std::move(notify);
}

void SqliteOutbox::committed() {
  if (!std::exchange(added_, false)) return;
  std::lock_guard lock(mutex_);
  if (notify_) notify_();
}

}  // namespace mesh::sqlite
