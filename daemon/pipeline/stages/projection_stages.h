// The stages of pipelines "analytics" and "chemical".
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/ports/projection_store.h"
#include "common/ports/property_extractor.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

// analytics.recorded → AnalyticsStore.
std::unique_ptr<Stage> make_analytics_stage(AnalyticsStore& store, Clock& clock);
// chemical.recorded → extractor → ChemicalStore.
std::unique_ptr<Stage> make_chemical_stage(PropertyExtractor& extractor, ChemicalStore& store,
                                           Clock& clock);

}  // namespace mesh::pipeline
