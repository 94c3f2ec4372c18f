// The stages of pipelines "analytics" and "chemical".
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/ports/projection_store.h"
#include "common/ports/property_extractor.h"
#include "common/ports/read_cache.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

// Both forget in `cache`, where there is one, what they recorded more of.

// analytics.recorded → AnalyticsStore.
std::unique_ptr<Stage> make_analytics_stage(AnalyticsStore& store, Clock& clock,
                                            ReadCache* cache = nullptr);
// chemical.recorded → extractor → ChemicalStore.
std::unique_ptr<Stage> make_chemical_stage(PropertyExtractor& extractor, ChemicalStore& store,
                                           Clock& clock, ReadCache* cache = nullptr);

}  // namespace mesh::pipeline
