#include "common/engines/sqlite/events/event_index.h"

#include <limits>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/plain_copy.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/events/event_search.h"
#include "common/engines/sqlite/events/events_file.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr int kMaxEventDimension = 16'384;
constexpr int kEraseStep = 256;  // documents per transaction: some milliseconds
constexpr int kEventReaders = 8;

class EmbeddedEvents final : public EventIndex {
 public:
  EmbeddedEvents(std::string path, EventIndexOptions options)
      : options_(std::move(options)), readers_(path, kEventReaders), path_(std::move(path)) {}
  // What was submitted refers to this.
  ~EmbeddedEvents() override {
    if (committer_) committer_->stop();
  }

  Status open();

  Result<EventGeneration> create(std::string_view type, const GenerationSpec& spec) override;
  Status serve(std::string_view type, int number) override;
  Status drop(std::string_view type, int number) override;
  Status forget(std::string_view type) override;
  Result<std::vector<EventGeneration>> generations() override {
    return read_from(readers_, read_event_generations);
  }
  Result<std::vector<EventSpec>> specs() override { return read_from(readers_, read_event_specs); }
  Status apply(std::span<const EventDocument> documents) override;
  Result<std::vector<EventHit>> search_vectors(const TenantId& tenant, const EventScope& scope,
                                               const QueryVector& query, int k,
                                               float min_score) override {
    return read_snapshot(readers_, [&](Database& db) {
      return find_by_vector(db, tenant, scope, query, k, min_score);
    });
  }
  Result<std::vector<EventHit>> search_words(const TenantId& tenant, const EventScope& scope,
                                             const Terms& terms, int k) override {
    return read_snapshot(readers_,
                         [&](Database& db) { return find_by_words(db, tenant, scope, terms, k); });
  }
  Status erase_below(const TopicPartition& partition, std::int64_t offset) override;
  Status erase(const TenantId& tenant, std::optional<std::string_view> subject,
               std::optional<Timestamp> before) override;
  Result<KeptEvents> kept(const TenantId& tenant,
                          std::optional<std::string_view> subject) override {
    return read_from(readers_, [&](Database& db) { return count_documents(db, tenant, subject); });
  }

 private:
  void sweep_events();

  const EventIndexOptions options_;
  // Stopped by the destructor, gone last: only a writer that closes last leaves no WAL behind.
  std::unique_ptr<Committer> committer_;
  ReaderPool readers_;
  const std::string path_;
};

Status EmbeddedEvents::open() {
  MESH_TRY(verify_wal(path_));
  MESH_TRY(adopt_plain_copy(path_));
  auto db = MESH_TRY(Database::open(path_, Database::Mode::read_write));
  MESH_TRY(prepare_events_file(*db));
  committer_ = std::make_unique<Committer>(
      std::move(db), path_,
      Committer::Options{.on_fatal = options_.on_fatal, .on_commit = options_.on_commit});
  sweep_events();
  return {};
}

Result<EventGeneration> EmbeddedEvents::create(std::string_view type, const GenerationSpec& spec) {
  if (type.empty()) return fail(ErrorKind::invalid, "an index of events needs their type");
  if (spec.dimension < 1 || spec.dimension > kMaxEventDimension) {
    return fail(ErrorKind::invalid, "the dimension of an index must be from 1 to " +
                                        std::to_string(kMaxEventDimension) + ", not " +
                                        std::to_string(spec.dimension));
  }
  EventGeneration made;
  MESH_TRY(committer_->run([&](Database& db) -> Status {
    made = MESH_TRY(insert_event_generation(db, type, spec));
    return {};
  }));
  return made;
}

Status EmbeddedEvents::serve(std::string_view type, int number) {
  return committer_->run([&](Database& db) { return serve_event_generation(db, type, number); });
}

Status EmbeddedEvents::drop(std::string_view type, int number) {
  MESH_TRY(committer_->run([&](Database& db) { return drop_event_generation(db, type, number); }));
  sweep_events();
  return {};
}

Status EmbeddedEvents::forget(std::string_view type) {
  MESH_TRY(committer_->run([&](Database& db) { return drop_event_generations(db, type); }));
  sweep_events();
  return {};
}

// As the index of users does it: a step per transaction, and what a stop or an error leaves is
// taken up at the next open.
void EmbeddedEvents::sweep_events() {
  auto more = std::make_shared<bool>(false);
  committer_->submit(
      0,
      [more](Database& db) -> Status {
        *more = MESH_TRY(delete_dropped_events(db, kEraseStep));
        return {};
      },
      [this, more](Status status) {
        if (status && *more) sweep_events();
        if (!status && status.error().kind != ErrorKind::unavailable) {
          log::warn("events of a dropped index generation stay until the next start",
                    {{"error", status.error().to_string()}});
        }
      });
}

Status EmbeddedEvents::apply(std::span<const EventDocument> documents) {
  if (documents.empty()) return {};
  std::vector<PreparedDocument> prepared;
  prepared.reserve(documents.size());
  for (const auto& document : documents) {
    auto one = MESH_TRY(prepare_document(document));
    prepared.push_back(std::move(one));
  }
  return committer_->run([&](Database& db) -> Status {
    for (const auto& one : prepared) MESH_TRY(write_document(db, one));
    return {};
  });
}

Status EmbeddedEvents::erase_below(const TopicPartition& partition, std::int64_t offset) {
  int erased = 0;
  do {
    MESH_TRY(committer_->run([&](Database& db) -> Status {
      erased = MESH_TRY(erase_documents_below(db, partition, offset, kEraseStep));
      return {};
    }));
  } while (erased == kEraseStep);
  return {};
}

Status EmbeddedEvents::erase(const TenantId& tenant, std::optional<std::string_view> subject,
                             std::optional<Timestamp> before) {
  const Erasure erasure{tenant, subject ? std::optional<std::string>(*subject) : std::nullopt,
                        before};
  std::optional<std::int64_t> after = std::numeric_limits<std::int64_t>::min();
  int erased = 0;
  while (after) {
    const auto from = *after;
    MESH_TRY(committer_->run([&](Database& db) -> Status {
      const auto step = MESH_TRY(erase_documents(db, erasure, from, kEraseStep));
      erased += step.count;
      after = step.next;
      if (!after && !subject && !before) MESH_TRY(forget_empty_partitions(db, tenant));
      return {};
    }));
  }
  // Also where an erasure finds nothing: one before it may have ended at an error.
  if (erased > 0 || !before) committer_->empty_wal();  // its frames show the pages as they were
  return {};
}

}  // namespace

Result<std::unique_ptr<EventIndex>> open_event_index(const std::string& dir,
                                                     EventIndexOptions options) {
  auto index = std::make_unique<EmbeddedEvents>(dir + "/events.db", std::move(options));
  MESH_TRY(index->open());
  return index;
}

}  // namespace mesh::sqlite
