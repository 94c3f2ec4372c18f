#include "daemon/services/watches.h"

#include <algorithm>
#include <numeric>
#include <optional>

namespace mesh::services {
namespace {

constexpr std::chrono::seconds kWatchAgain{10};

enum class Match { no, yes, stale };
struct Matched {
  Match match = Match::no;
  std::optional<float> score;
};

Matched match(const WatchSpec& spec, const EventDocument& document) {
  std::optional<float> score;
  if (!spec.query.empty()) {
    const auto vector = document.vectors.find(spec.embedder);
    // Vectors of other embedders, or of the same name and another size, tell nothing of this query.
    if (vector == document.vectors.end() || vector->second.size() != spec.query.size()) {
      return {document.vectors.empty() ? Match::no : Match::stale, {}};
    }
    score = std::inner_product(spec.query.begin(), spec.query.end(), vector->second.begin(), 0.0F);
    if (*score < spec.min_score) return {};
  }
  if (spec.matches && !spec.matches(document.fields)) return {};
  return {Match::yes, score};
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
  auto watch = std::make_shared<const Watch>(Watch{std::move(spec), open()});
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

bool Watches::wanted(const TenantId& tenant, std::string_view type) const {
  // Most processes have none, and are asked for each event.
  if (size() == 0) return false;
  std::lock_guard lock(mutex_);
  return by_type_.contains({tenant.str(), std::string(type)});
}

std::vector<Watches::Entry> Watches::watching(const EventDocument& document) const {
  std::lock_guard lock(mutex_);
  const auto found = by_type_.find({document.tenant.str(), document.type});
  return found == by_type_.end() ? std::vector<Entry>{} : found->second;
}

std::size_t Watches::offer(const EventDocument& document, const Json& hit) {
  if (size() == 0) return 0;
  std::size_t sent = 0;
  // A copy: to compare takes longer than a request should wait that comes or goes.
  for (const auto& [id, watch] : watching(document)) {
    const auto matched = match(watch->spec, document);
    if (matched.match == Match::no) continue;
    if (matched.match == Match::stale) {
      watch->stream->close();
      remove(id);
      continue;
    }
    Json body = hit;
    if (matched.score) body["score"] = *matched.score;
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
