// What became of the events of a redrive, read from facts alone: letters that came since, committed
// offsets, parked events. So it holds after a restart, and of pipelines of whichever process.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "daemon/pipeline/consumer/lanes.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"

namespace mesh::pipeline {

// Not synchronized.
class Outcomes {
 public:
  // Where the dead-letter topic and the source topic ended before the redrive appended anything.
  Outcomes(LettersDeps deps, Offsets letters, Offsets source)
      : deps_(std::move(deps)), letters_(std::move(letters)), source_(std::move(source)) {}

  // Finds what was redriven from letters before those ends; once, when all of it is in the log.
  Status find();
  // Looks again at each event whose outcome is not known: it died if there is a letter of its
  // record, and is done if all groups that follow its topic are past it and none has it parked.
  Status look();

  std::int64_t redriven() const { return redriven_; }
  std::int64_t died_again() const { return died_again_; }
  // How many are searchable or counted: the group that makes them so is past them, in the index
  // that of the generation that serves, and they did not die.
  std::int64_t handled() const { return handled_; }
  std::int64_t pending() const { return static_cast<std::int64_t>(open_.size()); }
  // Whether any group followed the topic at the last look; otherwise waiting is in vain.
  bool followed() const { return followed_; }

 private:
  using Place = std::pair<std::int32_t, std::int64_t>;  // partition and offset in the source topic

  Status read_letters();

  const LettersDeps deps_;
  Offsets letters_;  // read so far
  const Offsets source_;
  std::set<Place> open_;
  std::set<Place> unhandled_;
  std::int64_t redriven_ = 0, died_again_ = 0, handled_ = 0;
  bool followed_ = false;
};

}  // namespace mesh::pipeline
