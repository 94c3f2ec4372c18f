// The stage of pipeline "user-index".
#pragma once

#include <memory>

#include "common/ports/embedder.h"
#include "common/ports/read_cache.h"
#include "common/ports/vector_index.h"
#include "common/telemetry/spans.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

// user.created, user.updated → embed and upsert; user.deleted → remove. Into one generation.
// Forgets in `cache`, where there is one, the searches of tenants whose users it changed. Makes
// spans "embed" and "index" of the events, where traces are sent.
std::unique_ptr<Stage> make_user_index_stage(int generation, Embedder& embedder, VectorIndex& index,
                                             ReadCache* cache = nullptr, Spans* spans = nullptr);

}  // namespace mesh::pipeline
