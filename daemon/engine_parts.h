// Each engine that a configuration names, opened. engine_parts.cpp is the one file of a running
// daemon that names engines; check_data.cpp and backup.cpp look at the files of a folder that none
// uses.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/config/config.h"
#include "common/domain/server_finding.h"
#include "common/ports/embedders.h"
#include "common/ports/event_index.h"
#include "common/ports/event_log.h"
#include "common/ports/log_import.h"
#include "common/ports/property_extractor.h"
#include "common/ports/rate_limiter.h"
#include "common/ports/read_cache.h"
#include "common/ports/stores.h"
#include "common/ports/vector_index.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/services/check.h"

namespace mesh {

struct EngineContext {
  const config::Config& config;
  std::function<void(const Error&)> on_fatal;  // as Engines::OnFatal
  Clock& clock;
  Metrics& metrics;
  Usage& usage;
  // False: nothing of an embedded log expires or is compacted.
  bool upkeep = true;
  // False: the stores have to be there, as this program makes them.
  bool make_stores = true;
};

// An engine behind `port`, which lives as long as the part.
template <typename Port>
struct EnginePart {
  std::shared_ptr<Port> port;
  // Adds how it is. Any thread, empty where there is nothing to say.
  std::function<void(std::vector<services::Check>&)> check = {};
  // What an operator should know of its server; blocks. Empty where there is none.
  std::function<ExaminedServer()> examine = {};
  // Finishes what was submitted; callable twice, empty where there is nothing to finish.
  std::function<void()> close = {};
  bool remote = false;  // asks another server
};

struct LogPart : EnginePart<EventLog> {
  std::shared_ptr<LogAdmin> admin;
  std::shared_ptr<LogImport> import;
};

struct EventsPart : EnginePart<EventIndex> {
  // For how long another process may write by what it knew of the generations before.
  Duration settle{0};
};

// Embedded engines use files of data_dir, whose lock the caller holds.
Result<LogPart> open_log(const EngineContext& context);
Result<EnginePart<Stores>> open_stores(const EngineContext& context);
// `stores` outlive it.
Result<EnginePart<VectorIndex>> open_index(const EngineContext& context, Stores& stores);
Result<EventsPart> open_event_index(const EngineContext& context, Stores& stores);
Result<EnginePart<RateLimiter>> open_limiter(const EngineContext& context);
// Without a port where the configuration wants no cache. `stores` tell whose mesh it is for.
Result<EnginePart<ReadCache>> open_cache(const EngineContext& context, Stores& stores);
// The configured one, and those that generations of the index are made with.
Result<EnginePart<Embedders>> open_embedders(const EngineContext& context);
// What open_embedders would refuse of the files that the configuration names; no server is asked.
Status check_embedder(const config::Embedder& config);
Result<EnginePart<PropertyExtractor>> open_extractor(const EngineContext& context);

// The SQL of postgres::migrations for the configured schema.
std::string migrations(const config::Config& config);

}  // namespace mesh
