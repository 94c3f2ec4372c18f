#include "common/engines/postgres/outbox.h"

#include <algorithm>
#include <set>

#include "common/base/ids.h"
#include "common/domain/header_codec.h"
#include "common/engines/postgres/leases.h"
#include "common/engines/postgres/listener.h"
#include "common/engines/postgres/stored_json.h"

namespace mesh::postgres {
namespace {

constexpr int kIdBytes = 8;

// What is on its way out: shared with acknowledgements that outlive their reader.
struct Leaving {
  std::mutex mutex;
  std::set<std::int64_t> sequences;  // guarded by mutex
};

Result<std::vector<OutboxEntry>> entries_of(const Rows& rows) {
  std::vector<OutboxEntry> entries;
  for (int i = 0; i < rows.size(); ++i) {
    auto headers = decode_headers(rows.text(i, 4));
    if (!headers) return fail(damaged("a record"));
    auto value = rows.is_null(i, 3) ? std::nullopt : std::optional(rows.string(i, 3));
    entries.push_back(
        {rows.integer(i, 0),
         {rows.string(i, 1), rows.string(i, 2), std::move(value), std::move(*headers)}});
  }
  return entries;
}

// In one statement, so that the lease, whose row it locks, is held when it commits.
Status remove_entries(Session& session, const Lease& lease,
                      const std::vector<std::int64_t>& sequences) {
  const auto rows = MESH_TRY(session.run(
      query("WITH held AS MATERIALIZED (SELECT 1 FROM leases WHERE name=$1 AND token=$2"
            "   AND held_until>mesh_now() FOR SHARE),"
            " gone AS (DELETE FROM outbox WHERE sequence=ANY($3) AND EXISTS(SELECT FROM held))"
            " SELECT EXISTS(SELECT FROM held)",
            lease.name, lease.token, sequences)));
  if (!rows.flag(0, 0)) return lost_lease(lease);
  return {};
}

}  // namespace

class PostgresOutbox::Reader final : public OutboxReader {
 public:
  Reader(PostgresOutbox& outbox, Lease lease) : outbox_(outbox), lease_(std::move(lease)) {}

  Result<std::vector<OutboxEntry>> next(int limit) override;
  void rewind() override {
    given_.clear();
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
  PostgresOutbox& outbox_;
  const Lease lease_;
  const std::shared_ptr<Leaving> leaving_ = std::make_shared<Leaving>();
  std::set<std::int64_t> given_;      // and not passed to acknowledge
  std::optional<std::int64_t> seen_;  // the additions when a read came to the end
  bool woken_ = false;                // guarded by outbox_.mutex_
};

Result<std::vector<OutboxEntry>> PostgresOutbox::Reader::next(int limit) {
  std::int64_t additions = 0;
  {
    std::lock_guard lock(outbox_.mutex_);
    additions = outbox_.additions_;
  }
  // By number and not from the highest on: a slower transaction may have a lower one.
  std::vector<std::int64_t> known(given_.begin(), given_.end());
  {
    std::lock_guard lock(leaving_->mutex);
    known.insert(known.end(), leaving_->sequences.begin(), leaving_->sequences.end());
  }
  auto rows = MESH_TRY(outbox_.pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        planned_query("SELECT sequence,topic,key,value,headers FROM outbox"
                      " WHERE sequence<>ALL($1) ORDER BY sequence LIMIT $2",
                      known, limit));
  }));
  auto entries = MESH_TRY(entries_of(rows));
  for (const OutboxEntry& entry : entries) given_.insert(entry.sequence);
  const bool at_end = entries.size() < static_cast<std::size_t>(std::max(limit, 0));
  seen_ = at_end ? std::optional(additions) : std::nullopt;
  return entries;
}

void PostgresOutbox::Reader::acknowledge(std::vector<std::int64_t> sequences,
                                         std::function<void(Status)> done) {
  for (const std::int64_t sequence : sequences) given_.erase(sequence);
  {
    std::lock_guard lock(leaving_->mutex);
    leaving_->sequences.insert(sequences.begin(), sequences.end());
  }
  auto& pool = outbox_.pool_;
  outbox_.workers_.submit({}, lease_.name, 64 + 8 * sequences.size(),
                          [&pool, lease = lease_, leaving = leaving_,
                           sequences = std::move(sequences), done = std::move(done)](Status turn) {
                            if (turn) {
                              turn = pool.run(Repeat::harmless, [&](Session& session) {
                                return remove_entries(session, lease, sequences);
                              });
                            }
                            if (turn) {
                              std::lock_guard lock(leaving->mutex);
                              for (const std::int64_t sequence : sequences)
                                leaving->sequences.erase(sequence);
                            }
                            done(std::move(turn));
                          });
}

bool PostgresOutbox::Reader::wait(Duration timeout) {
  std::unique_lock lock(outbox_.mutex_);
  const auto more = [&] { return seen_ != outbox_.additions_; };
  outbox_.clock_.wait_until(lock, outbox_.changed_, outbox_.clock_.steady() + timeout,
                            [&] { return woken_ || more(); });
  woken_ = false;
  return more();
}

PostgresOutbox::PostgresOutbox(Pool& pool, Workers& workers, Clock& clock)
    : pool_(pool), workers_(workers), clock_(clock), id_(random_hex(kIdBytes)) {}

Query PostgresOutbox::add_query(const std::vector<std::int64_t>& sequences,
                                const std::vector<Event>& events) const {
  std::vector<std::string> topics;
  BytesList keys, headers;
  MaybeBytesList values;
  for (const Event& event : events) {
    Record record = to_record(event);
    topics.push_back(std::move(record.topic));
    keys.items.push_back(std::move(record.key));
    values.items.push_back(std::move(record.value));
    headers.items.push_back(encode_headers(record.headers));
  }
  return query(
      "INSERT INTO outbox(sequence,topic,key,value,headers) SELECT * FROM unnest($1,$2,$3,$4,$5)",
      sequences, topics, keys, values, headers);
}

Query PostgresOutbox::notify_query() const {
  return query("SELECT pg_notify($1,$2)", channel_of(pool_.options().schema), id_);
}

void PostgresOutbox::added() {
  std::lock_guard lock(mutex_);
  ++additions_;
  changed_.notify_all();
}

void PostgresOutbox::heard(const std::string& text) {
  // Of its own commits it knows already, and has maybe told of what they added.
  if (text != id_ && text != kTasksChanged) added();
}

std::unique_ptr<OutboxReader> PostgresOutbox::open(const Lease& lease) {
  return std::make_unique<Reader>(*this, lease);
}

Result<bool> PostgresOutbox::holds(std::int64_t first, std::int64_t last) {
  const auto rows = MESH_TRY(pool_.run(Repeat::read, [&](Session& session) {
    return session.run(
        query("SELECT EXISTS(SELECT FROM outbox WHERE sequence BETWEEN $1 AND $2)", first, last));
  }));
  return rows.flag(0, 0);
}

std::int64_t PostgresOutbox::size() const {
  const auto rows = pool_.run(Repeat::read, [&](Session& session) {
    return session.run(query("SELECT count(*) FROM outbox"));
  });
  if (rows) size_ = rows->integer(0, 0);
  return size_;
}

}  // namespace mesh::postgres
