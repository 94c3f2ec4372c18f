// The Embedder of a static model in a folder: meanings of words, in process (common/models).
//
// Vectors are those of the model at length 1, whatever its configuration says of `normalize`.
#pragma once

#include <memory>

#include "common/models/static_model.h"
#include "common/ports/embedder.h"

namespace mesh::static_model {

// Its id is "static:<the first 16 digits of the model's hash>/<dimension>". Any thread; never
// fails, never blocks.
std::unique_ptr<Embedder> make_embedder(std::shared_ptr<const models::StaticModel> model);

}  // namespace mesh::static_model
