#include "common/engines/sqlite/store/outbox.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "common/engines/sqlite/store/record_codec.h"

namespace mesh::sqlite {
namespace {

// Removes the entries, which are in order: a run of them, as a batch mostly is, by one statement.
Result<std::int64_t> remove_entries(Database& db, const std::vector<std::int64_t>& sequences) {
  std::int64_t removed = 0;
  for (auto at = sequences.begin(); at != sequences.end();) {
    const std::int64_t first = *at;
    std::int64_t last = first;
    while (++at != sequences.end() && *at <= last + 1) last = *at;
    MESH_TRY(execute(db, "DELETE FROM outbox WHERE sequence BETWEEN ? AND ?", first, last));
    removed += db.changes();
  }
  return removed;
}

}  // namespace

Result<std::int64_t> add_to_outbox(Database& db, const Event& event) {
  const Record record = to_record(event);
  const std::string bytes = encode_record(record.topic, record.key, record.value, record.headers);
  MESH_TRY(execute(db, "INSERT INTO outbox(record) VALUES(?)", Blob{bytes}));
  return db.last_insert_rowid();
}

// One transaction runs at a time, so sequences rise in the order of commits: what was not given yet
// lies beyond the highest that was.
class SqliteOutbox::Reader final : public OutboxReader {
 public:
  Reader(SqliteOutbox& outbox, Lease lease) : outbox_(outbox), lease_(std::move(lease)) {}

  Result<std::vector<OutboxEntry>> next(int limit) override;
  void rewind() override {
    read_through_ = 0;
    seen_.reset();
  }
  void acknowledge(std::vector<std::int64_t> sequences, std::function<void(Status)> done) override;
  bool wait(Duration timeout) override;
  void wake() override {
    std::lock_guard lock(outbox_.mutex_);
    woken_ = true;
    outbox_.changed_.notify_all();
  }

 private:
  SqliteOutbox& outbox_;
  const Lease lease_;
  std::int64_t read_through_ = 0;     // where next() goes on
  std::int64_t given_through_ = 0;    // the highest that was given
  std::vector<std::int64_t> given_;   // and not passed to acknowledge; in order
  std::optional<std::int64_t> seen_;  // the additions when a read came to the end
  bool woken_ = false;                // guarded by outbox_.mutex_
};

Result<std::vector<OutboxEntry>> SqliteOutbox::Reader::next(int limit) {
  std::int64_t additions = 0;
  {
    std::lock_guard lock(outbox_.mutex_);
    additions = outbox_.additions_;
  }
  const auto acknowledged = [&](std::int64_t sequence) {
    return sequence <= given_through_ && !std::ranges::binary_search(given_, sequence);
  };
  bool at_end = false;
  auto entries = read_from(outbox_.readers_, [&](Database& db) -> Result<std::vector<OutboxEntry>> {
    auto rows =
        MESH_TRY(query(db, "SELECT sequence,record FROM outbox WHERE sequence>? ORDER BY sequence",
                       read_through_));
    std::vector<OutboxEntry> found;
    while (found.size() < static_cast<std::size_t>(limit)) {
      auto row = MESH_TRY(rows.step());
      if ((at_end = !row)) break;
      if (acknowledged(rows.integer(0))) continue;
      auto record = MESH_TRY(decode_record(rows.text(1)));
      found.push_back({rows.integer(0), std::move(record)});
    }
    return found;
  });
  if (!entries) return entries;
  for (const OutboxEntry& entry : *entries) {
    read_through_ = entry.sequence;
    if (entry.sequence <= given_through_) continue;
    given_through_ = entry.sequence;
    given_.push_back(entry.sequence);
  }
  seen_ = at_end ? std::optional(additions) : std::nullopt;
  return entries;
}

void SqliteOutbox::Reader::acknowledge(std::vector<std::int64_t> sequences,
                                       std::function<void(Status)> done) {
  std::ranges::sort(sequences);
  std::vector<std::int64_t> left;
  std::ranges::set_difference(given_, sequences, std::back_inserter(left));
  given_ = std::move(left);
  submit_with_result<std::int64_t>(
      outbox_.committer_, 64,
      [&leases = outbox_.leases_, lease = lease_,
       sequences = std::move(sequences)](Database& db) -> Result<std::int64_t> {
        MESH_TRY(leases.check(lease));
        return remove_entries(db, sequences);
      },
      [&outbox = outbox_, done = std::move(done)](Result<std::int64_t> removed) {
        if (!removed) return done(fail(std::move(removed.error())));
        outbox.waiting_ -= *removed;
        done({});
      });
}

bool SqliteOutbox::Reader::wait(Duration timeout) {
  std::unique_lock lock(outbox_.mutex_);
  const auto more = [&] { return seen_ != outbox_.additions_; };
  outbox_.clock_.wait_until(lock, outbox_.changed_, outbox_.clock_.steady() + timeout,
                            [&] { return woken_ || more(); });
  woken_ = false;
  return more();
}

SqliteOutbox::SqliteOutbox(Committer& committer, ReaderPool& readers, MemoryLeases& leases,
                           std::int64_t waiting, Clock& clock)
    : committer_(committer), readers_(readers), leases_(leases), clock_(clock), waiting_(waiting) {
  committer_.on_committed([this] { committed(); });
}

Result<std::int64_t> SqliteOutbox::add(Database& db, const Event& event) {
  // A job that is undone later leaves this set: one needless notification, never a missing one.
  added_ = true;
  return add_to_outbox(db, event);
}

Result<std::int64_t> SqliteOutbox::remove(const std::vector<std::int64_t>& sequences) {
  std::int64_t removed = 0;
  MESH_TRY(committer_.run([&](Database& db) -> Status {
    removed = MESH_TRY(remove_entries(db, sequences));
    return {};
  }));
  waiting_ -= removed;
  return removed;
}

std::unique_ptr<OutboxReader> SqliteOutbox::open(const Lease& lease) {
  return std::make_unique<Reader>(*this, lease);
}

Result<bool> SqliteOutbox::holds(std::int64_t first, std::int64_t last) {
  return read_from(readers_, [&](Database& db) -> Result<bool> {
    auto row = MESH_TRY(first_row(
        query(db, "SELECT 1 FROM outbox WHERE sequence BETWEEN ? AND ? LIMIT 1", first, last),
        [](const Statement&) { return true; }));
    return row.has_value();
  });
}

void SqliteOutbox::committed() {
  if (!std::exchange(added_, false)) return;
  std::lock_guard lock(mutex_);
  ++additions_;
  changed_.notify_all();
}

}  // namespace mesh::sqlite
