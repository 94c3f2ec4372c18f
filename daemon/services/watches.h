// Standing queries: who watches is sent what matches, as it comes.
//
//   auto id = watches.add(spec, [&] { return respond.stream(); });
//   if (!id) return respond(id.error());
//   respond.when_gone([&watches, id = *id] { watches.remove(id); });
//
// Watches live in this process and with their streams, and are kept nowhere: a client that comes
// again registers anew. An event is matched by each process that holds a stream for it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/error.h"
#include "common/domain/event_filter.h"
#include "common/domain/tenant.h"
#include "common/http/event_stream.h"
#include "common/ports/embedder.h"
#include "common/ports/event_index.h"
#include "common/ports/event_log.h"
#include "common/telemetry/metrics.h"

namespace mesh::services {

struct WatchSpec {
  TenantId tenant;
  std::string type;  // of events
  // Of Embedder::embed_query, by the embedder beside it, which stays in use while the watch lives.
  // Empty: every event that passes `filter` is a hit, with no score.
  std::vector<float> query = {};
  std::shared_ptr<Embedder> embedder = {};  // null without a query
  // The least product of the query with an event's vector.
  float min_score = 0;
  EventFilter filter = {};
  // What was logged before these offsets is none of its hits; of another partition everything may
  // be.
  Offsets since = {};
};

// Two kinds of watches, since those of one kind need no vectors of a document.
enum class WatchKind { filter_alone, query };

// Any thread; nothing blocks. Its streams are closed when it goes.
class Watches {
 public:
  using Id = std::uint64_t;
  using Open = std::function<std::shared_ptr<http::EventStream>()>;

  struct Limits {
    std::size_t most = 1'000;  // watches of all tenants together; each event of a type is
                               // compared with all of its tenant
    std::size_t most_of_tenant = 100;
  };
  Watches(Metrics& metrics, Limits limits);

  // Registers the watch and calls `open` for its stream; not where there is no room: `rate_limited`
  // where the tenant has too many, `unavailable` where all together do. Events that are offered
  // from then on are seen. A stream that is over already is found so by the first event.
  Result<Id> add(WatchSpec spec, const Open& open);
  // Callable for one that is gone.
  void remove(Id id);

  // Ends the streams of the tenant's watches, and forgets them: it is closed, or was erased.
  void close(const TenantId& tenant);

  // Whether anybody watches events of the type: nobody has to make a hit in vain.
  bool wanted(const TenantId& tenant, std::string_view type) const;
  // The same of watches with a query alone, for which a document needs vectors.
  bool wants_vectors(const TenantId& tenant, std::string_view type) const;
  // That watches of the type have their queries' vectors by, each once (Embedder::id).
  std::vector<std::shared_ptr<Embedder>> embedders(std::string_view type) const;
  // Sends the hit, a JSON object, as the event `hit` to each watch of the kind that the document
  // matches, with the watch's "score" put in; its id is the document's position. Answers how many
  // it was sent to. A query is compared with the vector of its own embedder: a document without
  // that one is no hit of it. Watches whose streams are over are forgotten.
  std::size_t offer(const EventDocument& document, const Json& hit, WatchKind kind);

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

 private:
  struct Watch {
    WatchSpec spec;
    std::string embedder;  // its id; empty without a query
    std::shared_ptr<http::EventStream> stream;
  };
  using Entry = std::pair<Id, std::shared_ptr<const Watch>>;
  // Ordered, so that tenants' keys of one type are found without a text made of both.
  using Key = std::pair<std::string, std::string>;  // tenant, type

  std::vector<Entry> watching(const EventDocument& document) const;

  const Limits limits_;
  Gauge& gauge_;
  Counter& hits_;
  std::atomic<std::size_t> size_{0};
  mutable std::mutex mutex_;
  Id last_id_ = 0;  // this and the rest guarded by mutex_
  std::map<Key, std::vector<Entry>> by_type_;
  std::unordered_map<Id, Key> keys_;
  std::unordered_map<std::string, std::size_t> of_tenant_;
};

}  // namespace mesh::services
