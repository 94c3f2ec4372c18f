// What is told of a trace.
#pragma once

#include <string_view>

#include "common/base/json.h"
#include "daemon/pipeline/trace/trace.h"

namespace mesh::pipeline {

std::string_view to_string(TraceState state);
// For operators: see docs/api.md.
Json to_json(const Trace& trace);
// For the tenant: {"id","type","time","status","attempts","next_attempt","cause_class"}. Positions
// and counts are of all tenants' events, so that none is in it.
Json tenant_json(const Trace& trace);

}  // namespace mesh::pipeline
