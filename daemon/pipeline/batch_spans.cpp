#include "daemon/pipeline/batch_spans.h"

#include <algorithm>

namespace mesh::pipeline {

std::optional<TraceContext> parent_of(const Headers& headers) {
  return TraceContext::parse(find_header(headers, "traceparent"));
}

Span::Attributes attributes_of(const std::string& topic, const Headers& headers) {
  Span::Attributes all{{"messaging.destination.name", topic}};
  for (const auto& [header, key] :
       {std::pair{"ce_tenantid", "mesh.tenant"}, {"ce_id", "messaging.message.id"}}) {
    if (const auto value = find_header(headers, header); !value.empty())
      all.emplace_back(key, std::string(value));
  }
  return all;
}

BatchSpans::BatchSpans(Spans& spans, const char* name, Span::Kind kind)
    : spans_(&spans), name_(name), kind_(kind), begun_(spans.now()) {}

TraceContext BatchSpans::add(const std::optional<TraceContext>& parent, Span::Attributes attributes,
                             SteadyTime start, Share share) {
  // The id of a span is its own within its trace only.
  if (share == Share::span && parent && !all_.empty() && all_.back().parent == parent->span_id &&
      all_.back().context.trace_id == parent->trace_id) {
    ++all_.back().events;
    all_.back().start = std::min(all_.back().start, start);
  } else {
    all_.push_back({parent ? parent->child() : spans_->begin_trace(),
                    parent ? parent->span_id : std::string(), start, std::move(attributes)});
  }
  places_.push_back(all_.size() - 1);
  return all_.back().context;
}

void BatchSpans::fail_with_call(std::size_t n, ErrorKind kind) {
  of(n).error = error_ = std::string(to_string(kind));
}

void BatchSpans::end_all(const std::optional<Error>& error) {
  for (std::size_t n = 0; error && n < places_.size(); ++n) fail_with_call(n, error->kind);
  end();
}

void BatchSpans::end() {
  if (all_.empty()) return;
  const SteadyTime now = spans_->now();
  std::optional<Span> whole;
  if (all_.size() > 1) {
    const bool kept = spans_->keeps({}, error_.has_value(), now - begun_);
    std::erase_if(all_, [](const One& one) { return !one.context.sampled && !one.by_itself; });
    if (!kept && all_.empty()) return;
    if (kept || all_.size() > 1) {
      whole = Span{.context = TraceContext::make(true),
                   .name = std::string(name_) + " batch",
                   .kind = kind_,
                   .start = begun_,
                   .end = now,
                   .error = error_,
                   .attributes = {{"messaging.batch.message_count",
                                   static_cast<std::int64_t>(places_.size())}}};
    }
  }
  for (One& one : all_) {
    Span span{.context = std::move(one.context),
              .parent = std::move(one.parent),
              .name = name_,
              .kind = kind_,
              .start = one.start,
              .end = now,
              .error = std::move(one.error),
              .attributes = std::move(one.attributes)};
    if (one.events > 1) span.attributes.emplace_back("messaging.batch.message_count", one.events);
    if (whole) {
      span.links.push_back(whole->context);
      whole->links.push_back(span.context);
      if (span.error && !whole->error) whole->error = span.error;
    }
    spans_->end(std::move(span));
  }
  if (whole) spans_->end(std::move(*whole));
  all_.clear();
  places_.clear();
}

}  // namespace mesh::pipeline
