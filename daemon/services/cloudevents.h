// Events out of HTTP requests: the three forms of the CloudEvents 1.0 HTTP binding, and NDJSON.
//
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
#pragma once

#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/domain/own_types.h"
#include "common/http/message.h"

namespace mesh::services {

struct IngestRules {
  bool allow_unknown_types = false;
  std::shared_ptr<const OwnTypes> own_types = {};  // of the tenant; null: none
  bool mesh_types = false;                         // also those that the mesh alone writes
  std::size_t max_event_bytes = 1 << 20;
  std::size_t max_events = 100'000;  // of one request
};

// All events of the request, checked against the catalogue and the tenant's own types: one for the
// binary and structured forms, any number for batch and NDJSON (one JSON object per line; there
// `id`, `source` and `specversion` may be missing, and the event has no id yet). The tenant is the
// credential's; an event that names another is `forbidden`. `unprocessable` carries a pointer per
// offence, with the event's index (batch) or line from 1 (NDJSON) in front, at most 20.
// `unsupported` for another media type.
//
// Attributes and data are kept as they came: `time` with its offset and digits, JSON data as text
// (on one line where it took several), bytes of other types. Without `time` the timestamp of typed
// data is the event's time. `subject` of a typed event must be the one that its data says: it is
// the key. No data, and `"data": null`, is an event without data, which typed ones may not be.
Result<std::vector<Event>> read_events(const http::Request& request, const IngestRules& rules,
                                       Timestamp now);

// An event of a catalogue type from bare data, without an id; checks the data.
Result<Event> make_event(const http::Request& request, std::string_view type, const Json& data,
                         Timestamp now);

}  // namespace mesh::services
