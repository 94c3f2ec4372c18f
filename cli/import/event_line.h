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
  bool keep_tenant = false;  // a record's event names the record's tenant
};

// Takes three forms: a CloudEvent (has "specversion"), a record as `events tail -o json` prints it
// (has "topic", "offset" and "headers"), and bare data, for which a type must be given. `id` is
// used where the line has none. `invalid` says what is missing.
//
// Data stays as it is written. Of a record every attribute stays that its ce_ headers name, with
// its content type and trace; what it was in its log does not: the place, the tenant unless it is
// to be kept, and headers of others. Where a member and a header say different things, the member
// was mended and counts.
Result<Json> event_of_line(std::string_view line, const EventDefaults& defaults,
                           const std::string& id);
// `data`: one document of JSON, as parse_json took it.
Result<Json> event_of_data(std::string_view data, const EventDefaults& defaults,
                           const std::string& id);

}  // namespace mesh::cli
