// Moves events from the outbox to the log, in order; at least once.
//
// One append is under way at a time, so that a failed one cannot be overtaken; while its
// acknowledgement is on its way the next batch is read and appended.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/ports/event_log.h"
#include "common/ports/outbox.h"
#include "common/telemetry/metrics.h"

namespace mesh::pipeline {

class Relay {
 public:
  Relay(Outbox& outbox, EventLog& log, Clock& clock, Metrics& metrics);
  ~Relay();
  void start();
  void stop();  // finishes the batch under way; callable twice and before start
  // What keeps events in the outbox: "could not append: …", until it succeeds. Any thread.
  std::optional<std::string> trouble() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
