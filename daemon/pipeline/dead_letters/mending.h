// Putting an edited event in the place of a dead one.
#pragma once

#include <mutex>

#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

// The record of a letter; `not_found` where there is none.
Result<StoredRecord> letter_at(const LettersDeps& deps, const Position& letter);

// See DeadLetters::mend. `settling` is held from the look at what is settled to the append.
Result<Mended> mend_letter(const LettersDeps& deps, std::mutex& settling, const Position& letter,
                           const Event& event);

}  // namespace mesh::pipeline
