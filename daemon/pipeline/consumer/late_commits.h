// Commits that wait until what they stand for is on a disk, for an engine that acknowledges a
// change before it has flushed it (Qdrant): a power cut of its server is then read again.
#pragma once

#include <memory>

#include "common/base/clock.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// The consumer, whose commits reach the log `delay` later, by the next call of commit(), poll() or
// keep_alive(). What waits when it goes, or when its partition does, is not committed. commit()
// answers for what it hands on: a `conflict` may be of a commit before. As LogConsumer, one thread
// at a time.
std::unique_ptr<LogConsumer> commit_late(std::unique_ptr<LogConsumer> consumer, Duration delay,
                                         Clock& clock);

}  // namespace mesh::pipeline
