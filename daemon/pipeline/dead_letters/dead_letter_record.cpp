#include "daemon/pipeline/dead_letters/dead_letter_record.h"

#include <algorithm>

#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh::pipeline {
namespace {

// A cause may quote an answer of any length; it is for people, and a record has its bound.
constexpr std::size_t kMaxCauseBytes = 2'000;

constexpr std::string_view kDeathHeaders[] = {
    dead_letter::kPipeline,     dead_letter::kSourceTopic, dead_letter::kSourcePartition,
    dead_letter::kSourceOffset, dead_letter::kAttempts,    dead_letter::kCauseClass,
    dead_letter::kCause,        dead_letter::kTenant,      dead_letter::kDiedAt,
    dead_letter::kHistory};

}  // namespace

bool is_death_header(std::string_view name) {
  return std::ranges::find(kDeathHeaders, name) != std::end(kDeathHeaders);
}

Headers without_death(const Headers& headers) {
  Headers kept;
  kept.reserve(headers.size() + std::size(kDeathHeaders));
  for (const auto& header : headers) {
    if (!is_death_header(header.first)) kept.push_back(header);
  }
  return kept;
}

Record dead_letter_record(const StoredRecord& record, const Death& death) {
  // A producer that sends headers of these names must not be able to lie about a death.
  Headers headers = without_death(record.headers);
  auto add = [&](std::string_view name, std::string value) {
    headers.emplace_back(std::string(name), std::move(value));
  };
  add(dead_letter::kPipeline, death.pipeline);
  add(dead_letter::kSourceTopic, record.position.topic);
  add(dead_letter::kSourcePartition, std::to_string(record.position.partition));
  add(dead_letter::kSourceOffset, std::to_string(record.position.offset));
  add(dead_letter::kAttempts, std::to_string(death.attempts));
  add(dead_letter::kCauseClass, death.cause_class);
  add(dead_letter::kCause, death.cause.substr(0, kMaxCauseBytes));
  add(dead_letter::kTenant, death.tenant);
  add(dead_letter::kDiedAt, format_rfc3339(death.died_at));
  if (!death.history.empty()) add(dead_letter::kHistory, dump(to_json(death.history)));
  return {dead_letter_topic(record.position.topic), record.key, record.value, std::move(headers)};
}

}  // namespace mesh::pipeline
