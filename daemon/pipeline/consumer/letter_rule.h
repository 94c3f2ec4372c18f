// Who writes the letter of an event that died, where several pipelines read the same events.
#pragma once

#include <functional>

#include "common/domain/event.h"

namespace mesh::pipeline {

enum class LetterFate {
  write,
  leave,  // another one has written it
  later,  // another one is to write it, but has not: asked again at a later attempt
};
using LetterRule = std::function<LetterFate(const Position& source)>;

}  // namespace mesh::pipeline
