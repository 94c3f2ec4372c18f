#include "common/engines/sqlite/vectors/embedded_index.h"

#include <future>
#include <map>
#include <mutex>
#include <shared_mutex>

#include "common/engines/sqlite/plain_copy.h"
#include "common/engines/sqlite/vectors/generation.h"
#include "common/engines/sqlite/vectors/loader.h"
#include "common/engines/sqlite/vectors/points_file.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr int kMaxDimension = 16'384;
constexpr int kDropStep = 512;  // points deleted per transaction: some milliseconds
constexpr int kReaders = 8;

tl::unexpected<Error> no_generation(int number) {
  return fail(ErrorKind::not_found, "no index generation " + std::to_string(number));
}

tl::unexpected<Error> wrong_dimension(std::size_t got, int want) {
  return fail(ErrorKind::invalid, "the vector has dimension " + std::to_string(got) +
                                      ", the index has " + std::to_string(want));
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
        return wrong_dimension(change.vector.size(), dimension);
      }
      auto code = encode(change.vector);
      if (!code) return fail(code.error());
      point.code = std::move(*code);
    }
    batch.bytes += sizeof point + point.code.size() + point.email.size() + point.name.size();
    batch.changes.push_back(std::move(point));
  }
  return batch;
}

class EmbeddedIndex final : public VectorIndex {
 public:
  EmbeddedIndex(std::string path, IndexOptions options)
      : budget_(options.fine_bytes),
        options_(std::move(options)),
        readers_(path, kReaders),
        path_(std::move(path)) {}
  // What was submitted refers to the generations.
  ~EmbeddedIndex() override {
    if (committer_) committer_->stop();
  }

  Status load();

  Result<GenerationInfo> create_generation(const GenerationSpec& spec) override;
  Status drop_generation(int number) override;
  Status serve(int number) override;
  Result<std::vector<GenerationInfo>> generations() override;
  Status apply(int generation, std::span<const VectorChange> changes) override;
  Result<std::vector<SearchHit>> search(const TenantId& tenant, std::span<const float> vector,
                                        int k, float min_score, const SearchText& text) override;
  Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant, std::int64_t after,
                                        int limit) override;

 private:
  Status write(std::size_t bytes, Committer::Job job, std::function<void()> when_durable);
  void sweep();
  std::shared_ptr<Generation> find(int number) const;
  Result<std::vector<SearchHit>> score_stored(const Generation& generation,
                                              const TenantPartition& partition,
                                              const TenantId& tenant, const Query& query,
                                              const std::vector<Candidate>& candidates, int k,
                                              float min_score, const SearchText& text);

  FineBudget budget_;  // outlives the generations
  const IndexOptions options_;
  // Stopped by the destructor, gone last: only a writer that closes last leaves no WAL behind.
  // Memory is changed from its thread alone, in the order of the transactions.
  std::unique_ptr<Committer> committer_;
  ReaderPool readers_;
  const std::string path_;
  mutable std::shared_mutex mutex_;  // taken for moments; changes of both are rare
  std::map<int, std::shared_ptr<Generation>> generations_;  // guarded by mutex_
  std::shared_ptr<Generation> serving_;                     // guarded by mutex_
};

Status EmbeddedIndex::load() {
  if (auto s = verify_wal(path_); !s) return s;
  if (auto s = adopt_plain_copy(path_); !s) return s;
  auto db = Database::open(path_, Database::Mode::read_write);
  if (!db) return fail(db.error());
  if (auto s = prepare_points_file(**db); !s) return s;
  auto stored = read_generations(**db);
  if (!stored) return fail(stored.error());
  for (const auto& generation : *stored) {
    auto made = std::make_shared<Generation>(generation.number, generation.spec, budget_,
                                             options_.approximate_from);
    if (generation.serving) serving_ = made;
    generations_.emplace(generation.number, std::move(made));
  }
  auto partitions = read_partitions(**db);
  if (!partitions) return fail(partitions.error());
  {
    Loader loader;
    for (const auto& partition : *partitions) {
      auto& generation = *generations_.at(partition.generation);
      auto read =
          read_points(**db, partition.id, generation.spec().dimension,
                      [&](const StoredPoint& point) { loader.add(generation, partition, point); });
      if (!read) return read;
    }
  }
  // The load has filled the connection's cache with pages that nobody asks for again.
  if (auto s = (*db)->execute("PRAGMA shrink_memory; PRAGMA cache_size = -8192"); !s) return s;
  committer_ = std::make_unique<Committer>(
      std::move(*db), path_,
      Committer::Options{.on_fatal = options_.on_fatal, .on_commit = options_.on_commit});
  sweep();
  return {};
}

std::shared_ptr<Generation> EmbeddedIndex::find(int number) const {
  std::shared_lock lock(mutex_);
  const auto it = generations_.find(number);
  return it == generations_.end() ? nullptr : it->second;
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

Result<GenerationInfo> EmbeddedIndex::create_generation(const GenerationSpec& spec) {
  if (spec.dimension < 1 || spec.dimension > kMaxDimension) {
    return fail(ErrorKind::invalid, "the dimension of an index must be from 1 to " +
                                        std::to_string(kMaxDimension) + ", not " +
                                        std::to_string(spec.dimension));
  }
  int number = 0;
  GenerationInfo info;
  auto status = write(
      0,
      [&](Database& db) -> Status {
        auto inserted = insert_generation(db, spec);
        if (!inserted) return fail(inserted.error());
        number = *inserted;
        return {};
      },
      [&] {
        auto made = std::make_shared<Generation>(number, spec, budget_, options_.approximate_from);
        info = made->info(false);
        std::unique_lock lock(mutex_);
        generations_.emplace(number, std::move(made));
      });
  if (!status) return fail(status.error());
  return info;
}

Status EmbeddedIndex::drop_generation(int number) {
  std::shared_ptr<Generation> dropped;  // its memory is freed here, not by the committer
  auto status = write(
      0,
      [&](Database& db) -> Status {
        auto state = read_generation_state(db, number);
        if (!state) return fail(state.error());
        if (*state == GenerationState::missing) return no_generation(number);
        if (*state == GenerationState::serving) {
          return fail(ErrorKind::conflict, "index generation " + std::to_string(number) +
                                               " serves searches: let another one serve first");
        }
        return mark_dropped(db, number);
      },
      [&] {
        std::unique_lock lock(mutex_);
        const auto it = generations_.find(number);
        dropped = std::move(it->second);
        generations_.erase(it);
      });
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
        auto step = delete_dropped(db, kDropStep);
        if (!step) return fail(step.error());
        *more = *step;
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

Status EmbeddedIndex::serve(int number) {
  return write(
      0,
      [&](Database& db) -> Status {
        auto state = read_generation_state(db, number);
        if (!state) return fail(state.error());
        if (*state == GenerationState::missing) return no_generation(number);
        return store_serving(db, number);
      },
      [&] {
        std::unique_lock lock(mutex_);
        serving_ = generations_.at(number);
      });
}

Result<std::vector<GenerationInfo>> EmbeddedIndex::generations() {
  std::shared_lock lock(mutex_);
  std::vector<GenerationInfo> infos;
  for (const auto& [number, generation] : generations_) {
    infos.push_back(generation->info(generation == serving_));
  }
  return infos;
}

Status EmbeddedIndex::apply(int number, std::span<const VectorChange> changes) {
  const auto generation = find(number);
  if (!generation) return no_generation(number);
  if (changes.empty()) return {};
  auto batch = encode_batch(changes, generation->spec().dimension);
  if (!batch) return fail(batch.error());
  return write(
      batch->bytes,
      [&](Database& db) -> Status {
        auto state = read_generation_state(db, number);  // it may have been dropped meanwhile
        if (!state) return fail(state.error());
        if (*state == GenerationState::missing) return no_generation(number);
        for (auto& change : batch->changes) {
          if (auto s = write_point(db, number, change); !s) return s;
        }
        return {};
      },
      [&] {
        for (const auto& change : batch->changes) {
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

Result<std::vector<SearchHit>> EmbeddedIndex::search(const TenantId& tenant,
                                                     std::span<const float> vector, int k,
                                                     float min_score, const SearchText& text) {
  std::shared_ptr<Generation> generation;
  {
    std::shared_lock lock(mutex_);
    generation = serving_;
  }
  if (!generation) return std::vector<SearchHit>{};
  if (vector.size() != static_cast<std::size_t>(generation->spec().dimension)) {
    return wrong_dimension(vector.size(), generation->spec().dimension);
  }
  auto query = Query::make(vector);
  if (!query) return fail(query.error());
  const auto* partition = generation->find(tenant.str());
  if (partition == nullptr || k <= 0) return std::vector<SearchHit>{};
  auto found = partition->search(tenant, *query, k, min_score, text);
  if (found.inexact.empty()) return std::move(found.hits);
  return score_stored(*generation, *partition, tenant, *query, found.inexact, k, min_score, text);
}

// Outside the partition's lock: a user who was changed meanwhile is taken as the file has it, one
// who was removed is left out.
Result<std::vector<SearchHit>> EmbeddedIndex::score_stored(
    const Generation& generation, const TenantPartition& partition, const TenantId& tenant,
    const Query& query, const std::vector<Candidate>& candidates, int k, float min_score,
    const SearchText& text) {
  auto reader = readers_.lease();
  if (!reader) return fail(reader.error());
  const int dimension = generation.spec().dimension;
  std::vector<SearchHit> hits;
  for (const auto& candidate : candidates) {
    auto read = read_point(
        **reader, partition.id(), dimension, candidate.user_id, [&](const StoredPoint& point) {
          const float score = query.fine_score(view_code(point.code, dimension));
          if (score < min_score && text.match(point.email, point.name) != TextMatch::exact) return;
          hits.push_back(
              {point.user_id, tenant, score, std::string(point.email), std::string(point.name)});
        });
    if (!read) return fail(read.error());
  }
  keep_first(hits, text, static_cast<std::size_t>(k));
  return hits;
}

Result<std::vector<IndexedUser>> EmbeddedIndex::scan(int generation, const TenantId& tenant,
                                                     std::int64_t after, int limit) {
  if (!find(generation)) return no_generation(generation);
  auto reader = readers_.lease();
  if (!reader) return fail(reader.error());
  return read_users(**reader, generation, tenant.str(), after, std::max(limit, 0));
}

}  // namespace

Result<std::unique_ptr<VectorIndex>> open_embedded_index(const std::string& dir,
                                                         IndexOptions options) {
  auto index = std::make_unique<EmbeddedIndex>(dir + "/vectors.db", std::move(options));
  if (auto loaded = index->load(); !loaded) return fail(loaded.error());
  return index;
}

}  // namespace mesh::sqlite
