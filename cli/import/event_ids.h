// Ids of events whose records have none.
#pragma once

#include <string>

#include "cli/import/json_reader.h"
#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::cli {

class EventIds {
 public:
  // `from` empty: a new UUIDv7 each. "line": a UUIDv5 of the event's source, the content of the
  // file and where in it the record stands, so that the same file gives the same ids again and
  // another file never does. Otherwise what a member of the record says: its name or a JSON
  // pointer. `file` is read once for "line"; `invalid` where it cannot be read twice.
  static Result<EventIds> make(const std::string& from, const std::string& file,
                               const std::string& source, Clock& clock);
  // `invalid` where the record does not have the member as a text or a whole number.
  Result<std::string> of(const JsonText& record) const;

 private:
  EventIds(std::string name, std::string pointer, Clock& clock)
      : name_(std::move(name)), pointer_(std::move(pointer)), clock_(clock) {}

  std::string name_;     // of source and file, for lines
  std::string pointer_;  // of the member
  Clock& clock_;
};

}  // namespace mesh::cli
