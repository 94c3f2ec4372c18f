// The stage of pipelines "event-index-<entity>".
#pragma once

#include <memory>

#include "daemon/pipeline/event_index/event_documents.h"
#include "daemon/pipeline/stages/stage.h"

namespace mesh::pipeline {

// Searchable events → vectors of every embedder that generations of their type have → EventIndex.
// Texts are at their tenants' expense where `billed`: a rebuild makes again what was paid for.
// An event that is not searchable is done; one whose text the embedder refuses for good is dead.
std::unique_ptr<Stage> make_event_index_stage(EventIndex& index, Embedders& embedders,
                                              SearchableOf searchable, bool billed = true);

}  // namespace mesh::pipeline
