// The spans of events that one call handles together: one for each event, in the event's trace, and
// where there are several one for the call, in a trace of its own. They link to each other.
//
// That the call failed or was slow is no reason to send the spans of all its events: the one of the
// call is sent for it, and those whose heads say so. An event alone stands for its call.
//
// A span says what kind of error it was and no more: what servers answer may quote the data.
//
//   BatchSpans spans(*deps.spans, "log append", Span::Kind::producer);
//   for (const Record& record : records) spans.add(parent_of(…), attributes_of(…), now);
//   … the call …
//   spans.end_all(error);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/event.h"
#include "common/telemetry/spans.h"

namespace mesh::pipeline {

// The span in which the event began; a record of another producer may have none.
std::optional<TraceContext> parent_of(const Headers& headers);
// Topic, tenant and id of the event.
Span::Attributes attributes_of(const std::string& topic, const Headers& headers);

// One thread at a time.
class BatchSpans {
 public:
  // The call begins now. `name` is a literal.
  BatchSpans(Spans& spans, const char* name, Span::Kind kind);

  // The span of the next event, which began at `start`; it is a part of `parent`, or begins a trace
  // here. Events that share a parent one after another, as those of one request do, share a span
  // where what becomes of them is the same.
  enum class Share { span, never };
  TraceContext add(const std::optional<TraceContext>& parent, Span::Attributes attributes,
                   SteadyTime start, Share share = Share::span);
  // The n-th added failed, and not the call: its span is sent whatever its head says. `error` is of
  // a small set.
  void fail_one(std::size_t n, std::string error) {
    of(n).error = std::move(error);
    of(n).by_itself = true;
  }
  // The n-th added failed, since the call did.
  void fail_with_call(std::size_t n, ErrorKind kind);
  void note(std::size_t n, std::string_view key, Span::Value value) {
    of(n).attributes.emplace_back(key, std::move(value));
  }
  // The call is over; end_all: with an error for all of them.
  void end();
  void end_all(const std::optional<Error>& error);

 private:
  struct One {
    TraceContext context;
    std::string parent;
    SteadyTime start;
    Span::Attributes attributes;
    std::optional<std::string> error = {};
    bool by_itself = false;
    std::int64_t events = 1;
  };
  One& of(std::size_t n) { return all_[places_[n]]; }

  Spans* spans_;
  const char* name_;
  Span::Kind kind_;
  SteadyTime begun_;
  std::optional<std::string> error_;  // of the call
  std::vector<One> all_;
  std::vector<std::size_t> places_;  // of the n-th added in all_
};

}  // namespace mesh::pipeline
