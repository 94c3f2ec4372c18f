// Retry-After of an answer (RFC 9110 §10.2.3). Pure.
#pragma once

#include <optional>

#include "common/base/clock.h"
#include "common/http/message.h"

namespace mesh::http {

// How long after `now` the server wishes to be asked again: by its seconds, which may have a
// fraction, or until its date, 0 where that has passed. Nothing where it says nothing that reads,
// or more than thirty years. The caller bounds it.
std::optional<Duration> retry_after(const Response& response, Timestamp now);

}  // namespace mesh::http
