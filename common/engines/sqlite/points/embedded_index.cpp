#include "common/engines/sqlite/points/embedded_index.h"

#include <future>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "common/engines/sqlite/core/committer.h"
#include "common/engines/sqlite/core/plain_copy.h"
#include "common/engines/sqlite/core/reader_pool.h"
#include "common/engines/sqlite/core/wal_check.h"
#include "common/engines/sqlite/points/points_file.h"
#include "common/engines/vectors/memory_index.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr int kMaxDimension = 16'384;
constexpr int kDropStep = 512;  // points deleted per transaction: some milliseconds
constexpr int kReaders = 8;

tl::unexpected<Error> no_generation(int number) {
  return fail(ErrorKind::not_found, "no index generation " + std::to_string(number));
}

// In the transaction of what is changed.
Status require_epoch(Database& db, std::int64_t epoch) {
  const auto newest = MESH_TRY(read_epoch(db));
  if (epoch == newest) return {};
  return fail(ErrorKind::conflict,
              "another process has taken over the index's generations; "
              "nothing was changed");
}

// One apply(): filled by the caller, written by the committer's job, then brought to memory.
struct Batch {
  std::vector<PointChange> changes;
  std::size_t bytes = 0;
};

Result<Batch> encode_batch(std::span<const VectorChange> changes, int dimension) {
  Batch batch;
  batch.changes.reserve(changes.size());
  for (const auto& change : changes) {
    PointChange point{change.tenant.str(), change.user_id, change.version, {},
                      change.email,        change.name,    change.event_id};
    if (!change.vector.empty()) {
      if (change.vector.size() != static_cast<std::size_t>(dimension)) {
        return vectors::wrong_dimension(change.vector.size(), dimension);
      }
      auto code = MESH_TRY(vectors::encode(change.vector));
      point.code = std::move(code);
    }
    batch.bytes += sizeof point + point.code.size() + point.email.size() + point.name.size();
    batch.changes.push_back(std::move(point));
  }
  return batch;
}

class EmbeddedIndex final : public VectorIndex, private vectors::PointStore {
 public:
  EmbeddedIndex(std::string path, IndexOptions options)
      : options_(std::move(options)),
        memory_(*this, {options_.fine_bytes, options_.approximate_from}),
        readers_(path, kReaders),
        path_(std::move(path)) {}
  // What was submitted refers to the memory.
  ~EmbeddedIndex() override {
    if (committer_) committer_->stop();
  }

  Status load();

  Result<std::int64_t> take_over() override;
  Result<GenerationInfo> create_generation(const GenerationSpec& spec, std::int64_t epoch) override;
  Status drop_generation(int number, std::int64_t epoch) override;
  Status serve(int number, std::int64_t epoch) override;
  Result<std::vector<GenerationInfo>> generations() override { return memory_.generations(); }
  Status apply(int generation, std::span<const VectorChange> changes) override;
  Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query, int k,
                                        float min_score, const SearchText& text) override {
    return memory_.search(tenant, query, k, min_score, text);
  }
  Result<std::vector<SearchHit>> search_in(int generation, const TenantId& tenant,
                                           const QueryVector& query, int k, float min_score,
                                           const SearchText& text) override {
    const auto found = memory_.find(generation);
    if (!found) return no_generation(generation);
    return memory_.search_in(*found, tenant, query, k, min_score, text);
  }
  Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant, std::int64_t after,
                                        int limit) override;
  Result<KeptPoints> kept(int generation, const TenantId& tenant,
                          std::optional<std::int64_t> user_id) override;
  Status erase(int generation, const TenantId& tenant,
               std::optional<std::int64_t> user_id) override;

 private:
  Status each_point(const std::function<void(const vectors::StoredPartition&,
                                             const vectors::StoredPoint&)>& use) override;
  Status read_points(std::int64_t partition, int dimension, std::span<const std::int64_t> users,
                     const std::function<void(const vectors::StoredPoint&)>& use) override;
  Status write(std::size_t bytes, Committer::Job job, std::function<void()> when_durable);
  void sweep();

  const IndexOptions options_;
  vectors::MemoryIndex memory_;
  // Of what is loaded: only the loading needs them.
  std::vector<vectors::StoredPartition> partitions_;
  std::unique_ptr<Database> loading_;
  // Stopped by the destructor, gone last: only a writer that closes last leaves no WAL behind.
  // Memory is changed from its thread alone, in the order of the transactions.
  std::unique_ptr<Committer> committer_;
  ReaderPool readers_;
  const std::string path_;
};

Status EmbeddedIndex::load() {
  MESH_TRY(verify_wal(path_));
  MESH_TRY(adopt_plain_copy(path_));
  auto db = MESH_TRY(Database::open(path_, Database::Mode::read_write));
  loading_ = std::move(db);
  MESH_TRY(prepare_points_file(*loading_));
  auto stored = MESH_TRY(read_generations(*loading_));
  for (const auto& generation : stored) {
    memory_.add(generation.number, generation.spec);
    if (generation.serving) memory_.serve(generation.number);
  }
  MESH_TRY(memory_.load());
  partitions_ = {};
  // The load has filled the connection's cache with pages that nobody asks for again.
  MESH_TRY(loading_->execute("PRAGMA shrink_memory; PRAGMA cache_size = -8192"));
  committer_ = std::make_unique<Committer>(
      std::move(loading_), path_,
      Committer::Options{.on_fatal = options_.on_fatal, .on_commit = options_.on_commit});
  sweep();
  return {};
}

Status EmbeddedIndex::each_point(
    const std::function<void(const vectors::StoredPartition&, const vectors::StoredPoint&)>& use) {
  auto partitions = MESH_TRY(read_partitions(*loading_));
  partitions_ = std::move(partitions);
  for (const auto& partition : partitions_) {
    const int dimension = memory_.find(partition.generation)->spec().dimension;
    MESH_TRY(
        sqlite::read_points(*loading_, partition.id, dimension,
                            [&](const vectors::StoredPoint& point) { use(partition, point); }));
  }
  return {};
}

Status EmbeddedIndex::read_points(std::int64_t partition, int dimension,
                                  std::span<const std::int64_t> users,
                                  const std::function<void(const vectors::StoredPoint&)>& use) {
  auto reader = MESH_TRY(readers_.connection());
  for (const auto user : users) {
    (void)MESH_TRY(read_point(*reader, partition, dimension, user, use));
  }
  return {};
}

// Blocks until the job is durable and memory shows it.
Status EmbeddedIndex::write(std::size_t bytes, Committer::Job job,
                            std::function<void()> when_durable) {
  // Shared, since set_value still looks at the promise when the waiter is awake already.
  auto result = std::make_shared<std::promise<Status>>();
  committer_->submit(bytes, std::move(job), [&when_durable, result](Status status) {
    if (status) when_durable();
    result->set_value(std::move(status));
  });
  return result->get_future().get();
}

Result<std::int64_t> EmbeddedIndex::take_over() {
  std::int64_t epoch = 0;
  MESH_TRY(write(
      0,
      [&](Database& db) -> Status {
        const auto raised = MESH_TRY(raise_epoch(db));
        epoch = raised;
        return {};
      },
      [] {}));
  return epoch;
}

Result<GenerationInfo> EmbeddedIndex::create_generation(const GenerationSpec& spec,
                                                        std::int64_t epoch) {
  if (spec.dimension < 1 || spec.dimension > kMaxDimension) {
    return fail(ErrorKind::invalid, "the dimension of an index must be from 1 to " +
                                        std::to_string(kMaxDimension) + ", not " +
                                        std::to_string(spec.dimension));
  }
  int number = 0;
  GenerationInfo info;
  MESH_TRY(write(
      0,
      [&](Database& db) -> Status {
        MESH_TRY(require_epoch(db, epoch));
        auto inserted = MESH_TRY(insert_generation(db, spec));
        number = inserted;
        return {};
      },
      [&] { info = memory_.add(number, spec); }));
  return info;
}

Status EmbeddedIndex::drop_generation(int number, std::int64_t epoch) {
  std::shared_ptr<vectors::Generation> dropped;  // its memory is freed here, not by the committer
  auto status = write(
      0,
      [&](Database& db) -> Status {
        MESH_TRY(require_epoch(db, epoch));
        auto state = MESH_TRY(read_generation_state(db, number));
        if (state == GenerationState::missing) return no_generation(number);
        if (state == GenerationState::serving) {
          return fail(ErrorKind::conflict, "index generation " + std::to_string(number) +
                                               " serves searches: let another one serve first");
        }
        return mark_dropped(db, number);
      },
      [&] { dropped = memory_.remove(number); });
  if (status) sweep();
  return status;
}

// Deletes the points of dropped generations, a step per transaction, so that changes in between
// wait for one step at most. What a stop or an error leaves is taken up at the next open.
void EmbeddedIndex::sweep() {
  auto more = std::make_shared<bool>(false);
  committer_->submit(
      0,
      [more](Database& db) -> Status {
        auto step = MESH_TRY(delete_dropped(db, kDropStep));
        *more = step;
        return {};
      },
      [this, more](Status status) {
        if (status && *more) sweep();
        if (!status && status.error().kind != ErrorKind::unavailable) {
          log::warn("points of a dropped index generation stay until the next start",
                    {{"error", status.error().to_string()}});
        }
      });
}

Status EmbeddedIndex::serve(int number, std::int64_t epoch) {
  return write(
      0,
      [&](Database& db) -> Status {
        MESH_TRY(require_epoch(db, epoch));
        auto state = MESH_TRY(read_generation_state(db, number));
        if (state == GenerationState::missing) return no_generation(number);
        return store_serving(db, number);
      },
      [&] { memory_.serve(number); });
}

Status EmbeddedIndex::apply(int number, std::span<const VectorChange> changes) {
  const auto generation = memory_.find(number);
  if (!generation) return no_generation(number);
  if (changes.empty()) return {};
  auto batch = MESH_TRY(encode_batch(changes, generation->spec().dimension));
  return write(
      batch.bytes,
      [&](Database& db) -> Status {
        // It may have been dropped meanwhile.
        const auto state = MESH_TRY(read_generation_state(db, number));
        if (state == GenerationState::missing) return no_generation(number);
        for (auto& change : batch.changes) {
          MESH_TRY(write_point(db, number, change));
        }
        return {};
      },
      [&] {
        for (const auto& change : batch.changes) {
          if (!change.effective) continue;
          if (change.code.empty()) {
            generation->remove(change.tenant, change.user_id);
            committer_->empty_wal();
          } else {
            generation->upsert(
                change.tenant, change.partition,
                {change.user_id, change.version, change.code, change.email, change.name});
          }
        }
      });
}

Result<std::vector<IndexedUser>> EmbeddedIndex::scan(int generation, const TenantId& tenant,
                                                     std::int64_t after, int limit) {
  if (!memory_.find(generation)) return no_generation(generation);
  auto reader = MESH_TRY(readers_.connection());
  return read_users(*reader, generation, tenant.str(), after, std::max(limit, 0));
}

Result<KeptPoints> EmbeddedIndex::kept(int generation, const TenantId& tenant,
                                       std::optional<std::int64_t> user_id) {
  if (!memory_.find(generation)) return no_generation(generation);
  auto reader = MESH_TRY(readers_.connection());
  return count_points(*reader, generation, tenant.str(), user_id);
}

// A step per transaction, as for dropped generations.
Status EmbeddedIndex::erase(int number, const TenantId& tenant,
                            std::optional<std::int64_t> user_id) {
  const auto generation = memory_.find(number);
  if (!generation) return no_generation(number);
  std::vector<std::int64_t> users;
  do {
    MESH_TRY(write(
        0,
        [&](Database& db) -> Status {
          // It may have been dropped meanwhile.
          const auto state = MESH_TRY(read_generation_state(db, number));
          if (state == GenerationState::missing) return no_generation(number);
          users = MESH_TRY(delete_points(db, number, tenant.str(), user_id, kDropStep));
          return {};
        },
        [&] {
          for (const auto user : users) generation->remove(tenant.str(), user);
        }));
  } while (users.size() == static_cast<std::size_t>(kDropStep));
  committer_->empty_wal();  // its frames show the pages as they were
  return {};
}

}  // namespace

Result<std::unique_ptr<VectorIndex>> open_embedded_index(const std::string& dir,
                                                         IndexOptions options) {
  auto index = std::make_unique<EmbeddedIndex>(dir + "/vectors.db", std::move(options));
  MESH_TRY(index->load());
  return index;
}

}  // namespace mesh::sqlite
