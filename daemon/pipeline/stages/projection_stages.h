// The stages of pipelines "analytics", "chemical" and "metering".
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/ports/projection_store.h"
#include "common/ports/property_extractor.h"
#include "common/ports/read_cache.h"
#include "common/ports/usage_store.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

// The first two forget in `cache`, where there is one, what they recorded more of.

// analytics.recorded → AnalyticsStore.
std::unique_ptr<Stage> make_analytics_stage(AnalyticsStore& store, Clock& clock,
                                            ReadCache* cache = nullptr);
// chemical.recorded → extractor → ChemicalStore.
std::unique_ptr<Stage> make_chemical_stage(PropertyExtractor& extractor, ChemicalStore& store,
                                           Clock& clock, ReadCache* cache = nullptr);
// billing.usage.incremented → UsageStore. An increment that comes more than kUsageTakenFor after
// its period dies of it, since nobody knows any more whether it was counted.
std::unique_ptr<Stage> make_metering_stage(UsageStore& store, Clock& clock);

}  // namespace mesh::pipeline
