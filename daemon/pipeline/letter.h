// Letters and markers as records of a dead-letter topic.
#pragma once

#include <string>

#include "daemon/pipeline/replay.h"

namespace mesh::pipeline {

using dead_letter::kSettles;

// What a marker names a letter by: "<partition>@<offset>".
std::string settled_name(const Position& letter);
Record marker_of(const StoredRecord& letter);
bool is_marker(const StoredRecord& record);

// The record as it stood in its source topic; an empty topic where no pipeline wrote the letter.
StoredRecord source_of(const StoredRecord& letter);
DeadLetter letter_of(const StoredRecord& record);
bool matches(const DeadLetterFilter& filter, const StoredRecord& letter);

}  // namespace mesh::pipeline
