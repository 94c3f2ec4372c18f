// The record of a dead event.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/domain/attempt.h"
#include "common/domain/event.h"

namespace mesh::pipeline {

struct Death {
  std::string pipeline;
  std::string tenant;  // empty where the record names none
  int attempts = 0;
  std::string cause_class;
  std::string cause;
  Timestamp died_at{};
  std::vector<Attempt> history = {};  // of the attempts the last ones
};

// For the dead-letter topic: key, headers and value of the record, and the cause headers.
Record dead_letter_record(const StoredRecord& record, const Death& death);

// True for the header names of dead_letter::.
bool is_death_header(std::string_view name);
// The headers without those.
Headers without_death(const Headers& headers);

}  // namespace mesh::pipeline
