// An index, an embedder and an extractor in memory, with knobs.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "common/base/ids.h"
#include "common/ports/embedders.h"
#include "common/ports/property_extractor.h"
#include "common/ports/vector_index.h"
#include "tests/support/failures.h"

namespace mesh::test {

class FakeEmbedder final : public Embedder {
 public:
  explicit FakeEmbedder(std::string id = "fake/4", int dimension = 4)
      : id_(std::move(id)), dimension_(dimension) {}
  void fail_next(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  // Texts that contain it.
  void refuse(const std::string& text, ErrorKind kind = ErrorKind::invalid) {
    std::lock_guard lock(mutex_);
    refused_ = text;
    refused_as_ = kind;
  }
  int calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  // Of every text.
  void know(Words words) {
    std::lock_guard lock(mutex_);
    words_ = words;
  }
  std::optional<Words> count_words(std::string_view) const override {
    std::lock_guard lock(mutex_);
    return words_;
  }
  int billed() const {  // texts that their tenants pay for
    std::lock_guard lock(mutex_);
    return billed_;
  }

  int dimension() const override { return dimension_; }
  std::string id() const override { return id_; }
  Result<std::vector<std::vector<float>>> embed(std::span<const TenantText> texts) override {
    std::lock_guard lock(mutex_);
    ++calls_;
    if (auto error = failures_.take()) return fail(*error);
    std::vector<std::vector<float>> vectors;
    for (const auto& [tenant, text, billed] : texts) {
      if (!refused_.empty() && text.find(refused_) != std::string::npos) {
        return fail(refused_as_, "the fake cannot embed " + text);
      }
      std::vector<float> vector(static_cast<std::size_t>(dimension_), 0.0f);
      vector[stable_hash(text) % vector.size()] = 1.0f;
      vectors.push_back(std::move(vector));
      billed_ += billed ? 1 : 0;
    }
    return vectors;
  }

 private:
  const std::string id_;
  const int dimension_;
  mutable std::mutex mutex_;
  std::optional<Words> words_;
  std::string refused_;
  ErrorKind refused_as_ = ErrorKind::invalid;
  int calls_ = 0;
  int billed_ = 0;
  Failures failures_;
};

// Those that it is given, which outlive it; the first one is the configured one.
class FakeEmbedders final : public Embedders {
 public:
  explicit FakeEmbedders(Embedder& configured) : all_{&configured} {}
  void add(Embedder& one) {
    std::lock_guard lock(mutex_);
    all_.push_back(&one);
  }
  // As of a model whose folder is gone.
  void remove(const Embedder& one) {
    std::lock_guard lock(mutex_);
    std::erase(all_, &one);
  }

  std::shared_ptr<Embedder> configured() override {
    std::lock_guard lock(mutex_);
    return shared(*all_.front());
  }
  GenerationSpec configured_spec() override {
    std::lock_guard lock(mutex_);
    return spec(*all_.front());
  }
  Result<std::shared_ptr<Embedder>> of(const GenerationSpec& spec) override {
    std::lock_guard lock(mutex_);
    for (Embedder* one : all_) {
      if (one->id() == spec.embedder) return shared(*one);
    }
    return fail(ErrorKind::unavailable, "the fake has no embedder " + spec.embedder);
  }
  // An engine is an id here.
  Result<GenerationSpec> spec_of(std::string_view engine, std::string_view model) override {
    std::lock_guard lock(mutex_);
    for (Embedder* one : all_) {
      if (!engine.empty() && one->id() != engine) continue;
      auto found = spec(*one);
      found.model = model;
      return found;
    }
    return fail(ErrorKind::unprocessable, "the fake has no engine " + std::string(engine));
  }

 private:
  static std::shared_ptr<Embedder> shared(Embedder& one) { return {std::shared_ptr<void>(), &one}; }
  static GenerationSpec spec(const Embedder& one) { return {one.dimension(), one.id()}; }
  std::mutex mutex_;
  std::vector<Embedder*> all_;  // guarded by mutex_
};

class FakeVectorIndex final : public VectorIndex {
 public:
  struct Entry {
    std::int64_t version = 0;
    bool removed = false;
    std::string email, name, event_id = {};
  };
  using Key = std::pair<std::string, std::int64_t>;  // tenant, user

  void fail_applies(int n) {
    std::lock_guard lock(mutex_);
    failures_.next(n);
  }
  void fail_erasures(int n) {
    std::lock_guard lock(mutex_);
    erase_failures_.next(n);
  }
  std::map<Key, Entry> entries(int generation) const {
    std::lock_guard lock(mutex_);
    const auto at = generations_.find(generation);
    return at == generations_.end() ? std::map<Key, Entry>{} : at->second.entries;
  }
  bool has(int generation, const std::string& tenant, std::int64_t user) const {
    const auto all = entries(generation);
    const auto at = all.find({tenant, user});
    return at != all.end() && !at->second.removed;
  }
  // Behind the pipeline's back.
  void plant(int generation, const Key& key, Entry entry) {
    std::lock_guard lock(mutex_);
    generations_.at(generation).entries[key] = std::move(entry);
  }
  void forget(int generation, const Key& key) {
    std::lock_guard lock(mutex_);
    generations_.at(generation).entries.erase(key);
  }
  int serving() const {
    std::lock_guard lock(mutex_);
    return serving_;
  }
  int applies() const {
    std::lock_guard lock(mutex_);
    return applies_;
  }

  // Runs before the next flip, as what others do while it is on its way.
  void before_serving(std::function<void()> hook) {
    std::lock_guard lock(mutex_);
    before_serving_ = std::move(hook);
  }

  Result<std::int64_t> take_over() override {
    std::lock_guard lock(mutex_);
    return ++epoch_;
  }
  Result<GenerationInfo> create_generation(const GenerationSpec& spec,
                                           std::int64_t epoch) override {
    std::lock_guard lock(mutex_);
    if (epoch != epoch_) return taken_over();
    const int number = ++last_;
    generations_[number].spec = spec;
    return info(number);
  }
  Status drop_generation(int number, std::int64_t epoch) override {
    std::lock_guard lock(mutex_);
    if (epoch != epoch_) return taken_over();
    if (number == serving_) return fail(ErrorKind::conflict, "it serves");
    if (generations_.erase(number) == 0) return fail(ErrorKind::not_found, "no such generation");
    return {};
  }
  Status serve(int number, std::int64_t epoch) override {
    std::unique_lock lock(mutex_);
    if (auto hook = std::exchange(before_serving_, nullptr)) {
      lock.unlock();
      hook();
      lock.lock();
    }
    if (epoch != epoch_) return taken_over();
    if (!generations_.contains(number)) return fail(ErrorKind::not_found, "no such generation");
    serving_ = number;
    generations_[number].spec.shadow = false;
    return {};
  }
  Result<std::vector<GenerationInfo>> generations() override {
    std::lock_guard lock(mutex_);
    std::vector<GenerationInfo> all;
    for (const auto& [number, generation] : generations_) all.push_back(info(number));
    return all;
  }
  Status apply(int generation, std::span<const VectorChange> changes) override {
    std::lock_guard lock(mutex_);
    ++applies_;
    if (auto error = failures_.take()) return fail(*error);
    const auto at = generations_.find(generation);
    if (at == generations_.end()) return fail(ErrorKind::not_found, "no such generation");
    for (const auto& change : changes) {
      Entry& entry = at->second.entries[{change.tenant.str(), change.user_id}];
      if (change.version < entry.version) continue;
      entry = {change.version, change.vector.empty(), change.email, change.name, change.event_id};
    }
    return {};
  }
  // By `rank`, else by id.
  Result<std::vector<SearchHit>> search(const TenantId& tenant, const QueryVector& query, int k,
                                        float min_score, const SearchText& text) override {
    const int number = serving();
    if (number == 0) return std::vector<SearchHit>{};
    return search_in(number, tenant, query, k, min_score, text);
  }
  Result<std::vector<SearchHit>> search_in(int generation, const TenantId& tenant,
                                           const QueryVector& query, int k, float,
                                           const SearchText&) override {
    std::lock_guard lock(mutex_);
    ++searches_;
    const auto at = generations_.find(generation);
    if (at == generations_.end()) return fail(ErrorKind::not_found, "no such generation");
    const auto& [spec, entries, ranked] = at->second;
    if (spec.embedder != query.embedder) {
      return other_embedder("user_embeddings-" + std::to_string(generation), spec.embedder,
                            query.embedder);
    }
    std::vector<std::int64_t> order = ranked;
    for (const auto& [key, entry] : entries) {
      if (ranked.empty() && key.first == tenant.str()) order.push_back(key.second);
    }
    std::vector<SearchHit> hits;
    for (const auto user : order) {
      const auto entry = entries.find({tenant.str(), user});
      if (entry == entries.end() || entry->second.removed || std::ssize(hits) >= k) continue;
      const float score = 1.0F / static_cast<float>(hits.size() + 1);
      hits.push_back({user, tenant, score, entry->second.email, entry->second.name});
    }
    return hits;
  }
  // How often it was searched.
  int searches() const {
    std::lock_guard lock(mutex_);
    return searches_;
  }
  // The users that searches of the generation find, the best first.
  void rank(int generation, std::vector<std::int64_t> users) {
    std::lock_guard lock(mutex_);
    generations_.at(generation).ranked = std::move(users);
  }
  Result<std::vector<IndexedUser>> scan(int generation, const TenantId& tenant, std::int64_t after,
                                        int limit) override {
    std::lock_guard lock(mutex_);
    std::vector<IndexedUser> users;
    for (const auto& [key, entry] : generations_.at(generation).entries) {
      if (key.first != tenant.str() || key.second <= after || entry.removed) continue;
      if (static_cast<int>(users.size()) == limit) break;
      users.push_back({key.second, entry.version, entry.email, entry.name, entry.event_id});
    }
    return users;
  }
  Result<KeptPoints> kept(int generation, const TenantId& tenant,
                          std::optional<std::int64_t> user_id) override {
    std::lock_guard lock(mutex_);
    const auto at = generations_.find(generation);
    if (at == generations_.end()) return fail(ErrorKind::not_found, "no such generation");
    KeptPoints kept;
    for (const auto& [key, entry] : at->second.entries) {
      if (is(key, tenant, user_id)) ++(entry.removed ? kept.removals : kept.vectors);
    }
    return kept;
  }
  Status erase(int generation, const TenantId& tenant,
               std::optional<std::int64_t> user_id) override {
    std::lock_guard lock(mutex_);
    if (auto error = erase_failures_.take()) return fail(*error);
    const auto at = generations_.find(generation);
    if (at == generations_.end()) return fail(ErrorKind::not_found, "no such generation");
    std::erase_if(at->second.entries,
                  [&](const auto& entry) { return is(entry.first, tenant, user_id); });
    return {};
  }

 private:
  struct Generation {
    GenerationSpec spec;
    std::map<Key, Entry> entries;
    std::vector<std::int64_t> ranked;
  };
  static bool is(const Key& key, const TenantId& tenant, std::optional<std::int64_t> user_id) {
    return key.first == tenant.str() && (!user_id || key.second == *user_id);
  }
  static tl::unexpected<Error> taken_over() {
    return fail(ErrorKind::conflict, "another has taken over");
  }
  GenerationInfo info(int number) const {
    const Generation& generation = generations_.at(number);
    GenerationInfo info;
    info.name = "user_embeddings-" + std::to_string(number);
    info.number = number;
    info.spec = generation.spec;
    info.serving = number == serving_;
    info.vectors =
        std::ranges::count_if(generation.entries, [](const auto& e) { return !e.second.removed; });
    return info;
  }

  mutable std::mutex mutex_;
  int searches_ = 0;
  std::map<int, Generation> generations_;
  int serving_ = 0, last_ = 0, applies_ = 0;
  std::int64_t epoch_ = 0;
  std::function<void()> before_serving_;
  Failures failures_, erase_failures_;
};

class FakeExtractor final : public PropertyExtractor {
 public:
  // The next n events.
  void fail_next(int n, ErrorKind kind) {
    std::lock_guard lock(mutex_);
    failures_.next(n, {kind, "the fake does not extract", {}, {}, {}});
  }
  // From now on a call waits for it, as for a model that is slow.
  void wait_for(std::shared_future<void> go) {
    std::lock_guard lock(mutex_);
    go_ = std::move(go);
  }
  int calls() const {
    std::lock_guard lock(mutex_);
    return calls_;
  }
  std::vector<Result<Json>> extract(std::span<const ChemicalEvent> events) override {
    std::unique_lock lock(mutex_);
    ++calls_;
    if (const auto go = go_; go.valid()) {
      lock.unlock();
      go.wait();
      lock.lock();
    }
    std::vector<Result<Json>> results;
    for (const ChemicalEvent& event : events) {
      if (auto error = failures_.take()) {
        results.push_back(fail(*error));
      } else {
        results.push_back(Json{{"of", event.molecule_id}});
      }
    }
    return results;
  }

 private:
  mutable std::mutex mutex_;
  int calls_ = 0;
  std::shared_future<void> go_;
  Failures failures_;
};

}  // namespace mesh::test
