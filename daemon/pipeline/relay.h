// Moves events from the outbox to the log, in order; at least once.
//
// Of all relays of a store the one that holds the lease "relay" works, the others wait for it. One
// append is under way at a time, so that a failed one cannot be overtaken; while its
// acknowledgement is on its way the next batch is read and appended. A relay that lost its lease
// appends and acknowledges nothing more, and begins anew once it holds the lease again. The append
// that was under way may reach the log all the same, and the next holder appends the same entries
// under the same event ids. A log that other processes reach, too, answers an append within a third
// of the lease (3 s), lest it arrive behind the entity's next change. Where one arrives there all
// the same, since the process stood still before it, the newest states are appended again: by the
// one that finds its lease lost, before it does anything else, or by the next holder
// (relay_order.h).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/ports/event_log.h"
#include "common/ports/lease_store.h"
#include "common/ports/outbox.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/spans.h"

namespace mesh::pipeline {

class Relay {
 public:
  // `holder` names the process in the list of leases. `spans`: null where no traces are sent.
  Relay(Outbox& outbox, LeaseStore& leases, EventLog& log, LogAdmin& admin, std::string holder,
        Clock& clock, Metrics& metrics, Spans* spans = nullptr);
  ~Relay();
  void start();
  // Finishes the batch under way and gives the lease up; callable twice and before start. Where the
  // log does not answer an append, the lease runs out by itself.
  void stop();
  // What keeps events in the outbox: "could not append: …", until it succeeds. Nothing where
  // another relay works. Any thread.
  std::optional<std::string> trouble() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh::pipeline
