#include "daemon/prepare.h"

#include <iostream>

#include "common/base/json.h"
#include "common/telemetry/log.h"
#include "daemon/engines.h"
#include "daemon/migration/journal.h"
#include "daemon/pipelines.h"
#include "daemon/tell_error.h"

namespace mesh {
namespace {

Result<Json> run(const config::Config& config) {
  Clock& clock = system_clock();
  Metrics metrics;
  Usage usage(clock);
  const auto engines = MESH_TRY(EnginesOfRecord::open(config, false, die, clock, metrics, usage));
  MESH_TRY(migration::none_unfinished(engines->stores().tasks()));
  MESH_TRY(make_topics(config.log, engines->admin()));
  const auto topics = MESH_TRY(engines->admin().topics());
  return Json{
      {"log", config.log.engine}, {"store", config.store.engine}, {"topics", topics.size()}};
}

}  // namespace

int prepare(const config::Config& config, bool json) {
  const auto report = run(config);
  log::flush();
  if (!report) {
    tell_error(report.error(), json);
    return 3;
  }
  if (json) {
    std::cout << dump(*report) << "\n";
  } else {
    std::cout << "prepared: the schema of the store (" << config.store.engine << "), "
              << (*report)["topics"] << " topics of the log (" << config.log.engine << ")\n";
  }
  return 0;
}

}  // namespace mesh
