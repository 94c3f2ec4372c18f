// Putting an edited event in the place of a dead one.
#pragma once

#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

// The record of a letter; `not_found` where there is none.
Result<StoredRecord> letter_at(const LettersDeps& deps, const Position& letter);

// See DeadLetters::mend.
Result<Mended> mend_letter(const LettersDeps& deps, const Position& letter, const Event& event);

}  // namespace mesh::pipeline
