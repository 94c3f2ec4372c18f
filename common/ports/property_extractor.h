// Properties of a chemical experiment, computed or asked of a language model.
#pragma once

#include <functional>
#include <optional>
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
  // Members of every object: "method", who made it in a word; "strategy": "computed", "model", or
  // "fallback" for what was computed since the model could not tell; "version" of what computed it,
  // or of prompt and schema. "model" is its name, with strategy "model" alone. "confidence" is from
  // 0 to 1, and left out where nobody can say, or nothing is claimed.
  virtual std::vector<Result<Json>> extract(std::span<const ChemicalEvent> events) = 0;

  // When the tenant's budget begins anew, where it is used up; nothing while there is some left.
  // Any thread; must not block.
  using Budget = std::function<std::optional<Timestamp>(const TenantId&)>;
  // Asked before what costs something, from then on; the one before it is asked no more once this
  // returns. Empty: there are none. An engine that costs nothing has no use for it. Waits for a
  // question that is being answered.
  virtual void keep_to(Budget) {}
};

}  // namespace mesh
