// What is told of a request that has ended: a line of the access log, and a span.
#pragma once

#include <cstddef>

#include "common/base/clock.h"
#include "common/http/exchange.h"
#include "common/http/message.h"
#include "common/telemetry/spans.h"

namespace mesh::http {

// What there is to tell of a request once its answer is known.
struct Ending {
  SteadyTime ended{};
  std::size_t bytes_in = 0;  // of its body, as sent
  bool at_rest = true;       // as of complete()
};
// The access log: at info what failed or was slow, all else at debug. What went well is in the
// metrics, and a line for each would be most of the log.
void log_access(const Exchange& exchange, const Response& response, const Ending& ending);
// A line for an event stream that has ended: at info where some of its events were dropped.
struct StreamEnding {
  SteadyTime ended{};
  std::uint64_t events = 0, dropped = 0;  // the first: handed to the socket
  std::uint64_t bytes = 0;                // of events and comments
};
void log_stream(const Exchange& exchange, const StreamEnding& ending);
// Its span, where its route is known and is no probe; false: it is not sent.
bool end_span(Spans& spans, const Exchange& exchange, const Response& response,
              const Ending& ending);

}  // namespace mesh::http
