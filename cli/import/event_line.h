// A line of text → a CloudEvents object to publish. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli {

// What lines without these get.
struct EventDefaults {
  std::string type;
  std::string source = "mesh-cli";
};

// Takes three forms: a CloudEvent (has "specversion"), a record as `events tail -o json` prints it
// (has "topic", "offset" and "value"; its place in the log is dropped, id, source, time, subject
// and traceparent stay), and bare data, for which a type must be given. `id` is used where the line
// has none. `invalid` says what is missing.
Result<Json> event_of_line(std::string_view line, const EventDefaults& defaults,
                           const std::string& id);
Result<Json> event_of_data(Json data, const EventDefaults& defaults, const std::string& id);

}  // namespace mesh::cli
