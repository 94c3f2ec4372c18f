// Properties of a chemical experiment, computed or asked of a language model.
#pragma once

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/domain/activity.h"

namespace mesh {

// Any thread; may block. `unprocessable` where the input can never be handled, `unavailable` when
// the engine is down.
class PropertyExtractor {
 public:
  virtual ~PropertyExtractor() = default;
  virtual Result<Json> extract(const ChemicalEvent& event) = 0;  // an object
};

}  // namespace mesh
