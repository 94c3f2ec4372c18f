// Which dead letters are meant.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::pipeline {

struct DeadLetterFilter {
  std::optional<std::string> tenant;
  std::optional<std::string> cause;  // a class of cause, or a fingerprint (common/domain/cause.h)
  std::optional<std::string> event_id;
};
// Of the members "tenant", "cause" and "id", each optional; `unprocessable` with a pointer for a
// value that is none, `invalid` for what is no object.
Result<DeadLetterFilter> dead_letter_filter_from_json(const Json& json);

}  // namespace mesh::pipeline
