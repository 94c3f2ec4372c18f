// The stages of the mesh.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/ports/embedder.h"
#include "common/ports/projection_store.h"
#include "common/ports/property_extractor.h"
#include "common/ports/vector_index.h"
#include "daemon/pipeline/stage.h"

namespace mesh::pipeline {

// user.created, user.updated → embed and upsert; user.deleted → remove. Into one generation.
std::unique_ptr<Stage> make_user_index_stage(int generation, Embedder& embedder,
                                             VectorIndex& index);
// analytics.recorded → AnalyticsStore.
std::unique_ptr<Stage> make_analytics_stage(AnalyticsStore& store, Clock& clock);
// chemical.recorded → extractor → ChemicalStore.
std::unique_ptr<Stage> make_chemical_stage(PropertyExtractor& extractor, ChemicalStore& store,
                                           Clock& clock);

}  // namespace mesh::pipeline
