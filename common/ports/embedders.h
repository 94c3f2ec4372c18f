// The embedders of a process: of the configuration, and of generations that were made with another.
#pragma once

#include <memory>
#include <string_view>

#include "common/base/error.h"
#include "common/ports/embedder.h"
#include "common/ports/vector_index.h"

namespace mesh {

// Any thread.
class Embedders {
 public:
  virtual ~Embedders() = default;
  // The one that the configuration names, and the spec of generations that are made with it.
  virtual std::shared_ptr<Embedder> configured() = 0;
  virtual GenerationSpec configured_spec() = 0;
  // The one that a generation was made with. `unavailable` with the reason where this process
  // cannot have it: its model's folder is gone or holds another model, or it was made by an engine
  // that the configuration does not name. What was opened once stays open while it is used.
  virtual Result<std::shared_ptr<Embedder>> of(const GenerationSpec& spec) = 0;
  // The spec of new generations by `engine`, as embedder.engine has it, with the model of a folder;
  // an empty engine is the configured one. `unprocessable` for what cannot be opened, with the
  // reason.
  virtual Result<GenerationSpec> spec_of(std::string_view engine, std::string_view model) = 0;
};

}  // namespace mesh
