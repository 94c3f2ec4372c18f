#include "daemon/services/watches.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace mesh::services {
namespace {

constexpr std::chrono::seconds kWatchAgain{10};

WatchKind kind_of(const WatchSpec& spec) {
  return spec.query.empty() ? WatchKind::filter_alone : WatchKind::query;
}

bool is_before(const Position& position, const Offsets& since) {
  const auto at = since.find({position.topic, position.partition});
  return at != since.end() && position.offset < at->second;
}

struct Matched {
  bool matched = false;
  std::optional<float> score;
};

Matched match(const WatchSpec& spec, const std::string& embedder, const EventDocument& document) {
  if (is_before(document.position, spec.since)) return {};
  std::optional<float> score;
  if (!spec.query.empty()) {
    const auto vector = document.vectors.find(embedder);
    if (vector == document.vectors.end() || vector->second.size() != spec.query.size()) return {};
    score = std::inner_product(spec.query.begin(), spec.query.end(), vector->second.begin(), 0.0F);
    if (*score < spec.min_score) return {};
  }
  return {holds(spec.filter, document.fields), score};
}

}  // namespace

Watches::Watches(Metrics& metrics, Limits limits)
    : limits_(limits),
      gauge_(metrics.gauge("mesh_watches", "Standing queries that are registered.")),
      hits_(metrics.counter("mesh_watch_hits_total",
                            "Events that matched a standing query, once for each.")) {}

Result<Watches::Id> Watches::add(WatchSpec spec, const Open& open) {
  Key key{spec.tenant.str(), spec.type};
  std::lock_guard lock(mutex_);
  std::size_t& own = of_tenant_[key.first];
  if (own >= limits_.most_of_tenant) {
    return fail(Error{ErrorKind::rate_limited,
                      "The tenant has " + std::to_string(own) +
                          " standing queries already; end one, or try again later.",
                      {},
                      {},
                      kWatchAgain});
  }
  if (keys_.size() >= limits_.most) {
    if (own == 0) of_tenant_.erase(key.first);
    return fail(Error{ErrorKind::unavailable,
                      "Too many standing queries are registered; try again later.",
                      {},
                      {},
                      kWatchAgain});
  }
  const Id id = ++last_id_;
  // With the lock held: what is offered once the client sees its stream is matched.
  std::string embedder = spec.embedder ? spec.embedder->id() : std::string();
  auto watch = std::make_shared<const Watch>(Watch{std::move(spec), std::move(embedder), open()});
  ++own;
  by_type_[key].emplace_back(id, std::move(watch));
  keys_.emplace(id, std::move(key));
  size_.store(keys_.size(), std::memory_order_relaxed);
  gauge_.set(static_cast<double>(keys_.size()));
  return id;
}

void Watches::remove(Id id) {
  std::shared_ptr<const Watch> last;  // ends after the lock: its stream tells a connection
  std::lock_guard lock(mutex_);
  const auto key = keys_.find(id);
  if (key == keys_.end()) return;
  const auto own = of_tenant_.find(key->second.first);
  if (--own->second == 0) of_tenant_.erase(own);
  const auto entries = by_type_.find(key->second);
  const auto entry = std::ranges::find(entries->second, id, &Entry::first);
  last = std::move(entry->second);
  entries->second.erase(entry);
  if (entries->second.empty()) by_type_.erase(entries);
  keys_.erase(key);
  size_.store(keys_.size(), std::memory_order_relaxed);
  gauge_.set(static_cast<double>(keys_.size()));
}

void Watches::close(const TenantId& tenant) {
  std::vector<Entry> closed;
  {
    std::lock_guard lock(mutex_);
    for (auto at = by_type_.lower_bound({tenant.str(), {}});
         at != by_type_.end() && at->first.first == tenant.str(); ++at) {
      closed.insert(closed.end(), at->second.begin(), at->second.end());
    }
  }
  for (const auto& [id, watch] : closed) {
    watch->stream->close();
    remove(id);
  }
}

bool Watches::wanted(const TenantId& tenant, std::string_view type) const {
  // Most processes have none, and are asked for each event.
  if (size() == 0) return false;
  std::lock_guard lock(mutex_);
  return by_type_.contains({tenant.str(), std::string(type)});
}

bool Watches::wants_vectors(const TenantId& tenant, std::string_view type) const {
  std::lock_guard lock(mutex_);
  const auto found = by_type_.find({tenant.str(), std::string(type)});
  return found != by_type_.end() && std::ranges::any_of(found->second, [](const Entry& entry) {
           return kind_of(entry.second->spec) == WatchKind::query;
         });
}

std::vector<std::shared_ptr<Embedder>> Watches::embedders(std::string_view type) const {
  std::map<std::string, std::shared_ptr<Embedder>> by_id;
  std::lock_guard lock(mutex_);
  for (const auto& [key, entries] : by_type_) {
    if (key.second != type) continue;
    for (const auto& [id, watch] : entries) {
      if (watch->spec.embedder) by_id.try_emplace(watch->embedder, watch->spec.embedder);
    }
  }
  std::vector<std::shared_ptr<Embedder>> all;
  for (auto& [id, embedder] : by_id) all.push_back(std::move(embedder));
  return all;
}

std::vector<Watches::Entry> Watches::watching(const EventDocument& document) const {
  std::lock_guard lock(mutex_);
  const auto found = by_type_.find({document.tenant.str(), document.type});
  return found == by_type_.end() ? std::vector<Entry>{} : found->second;
}

std::size_t Watches::offer(const EventDocument& document, const Json& hit, WatchKind kind) {
  if (size() == 0) return 0;
  std::size_t sent = 0;
  // A copy: to compare takes longer than a request should wait that comes or goes.
  for (const auto& [id, watch] : watching(document)) {
    if (kind_of(watch->spec) != kind) continue;
    const auto [matched, score] = match(watch->spec, watch->embedder, document);
    if (!matched) continue;
    Json body = hit;
    if (score) body["score"] = *score;
    if (watch->stream->send(
            {.data = dump(body), .event = "hit", .id = to_string(document.position)})) {
      ++sent;
    } else {
      remove(id);
    }
  }
  hits_.add(static_cast<double>(sent));
  return sent;
}

}  // namespace mesh::services
