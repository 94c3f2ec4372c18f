// W3C Trace Context: the headers traceparent and tracestate (https://www.w3.org/TR/trace-context/).
// opentelemetry-cpp has this, too, and is not in Debian 12.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mesh {

struct TraceContext {
  std::string trace_id;  // 32 hex digits, not all zero
  std::string span_id;   // 16 hex digits, not all zero: this process' span
  bool sampled = false;
  std::string state = {};  // tracestate, passed on as it came; may be empty

  std::string traceparent() const;  // "00-<trace_id>-<span_id>-01"
  // The same trace, a new span.
  TraceContext child() const;
  static TraceContext make(bool sampled);
  // Version 00 exactly; higher versions leniently; ff, upper case and zero ids are refused.
  static std::optional<TraceContext> parse(std::string_view traceparent);
  // Adds a tracestate header; of several the members follow each other. What has over 32 members,
  // over 512 bytes or other than printable ASCII is left out: vendors can do without.
  void add_state(std::string_view tracestate);
};

}  // namespace mesh
