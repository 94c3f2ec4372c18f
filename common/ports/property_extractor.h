// Properties of a chemical experiment, computed or asked of a language model.
#pragma once

#include <span>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/activity.h"

namespace mesh {

// Any thread; may block.
class PropertyExtractor {
 public:
  virtual ~PropertyExtractor() = default;
  // One result for each event, in order, so that a model is asked once for many: an object, or why
  // there is none. `unprocessable` where the input can never be handled, `unavailable` when the
  // engine is down, `internal` where this event failed and others need not.
  virtual std::vector<Result<Json>> extract(std::span<const ChemicalEvent> events) = 0;
};

}  // namespace mesh
