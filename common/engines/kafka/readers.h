// Reads by position, for whoever is no member of a group.
//
// A partition that is read is fetched from the place on where the last read ended, for as long as
// reads go on there; one that reached the end is let go, so that nothing is fetched for nobody.
// librdkafka's seek is not used: what was fetched before it would have to be told from what comes.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>

#include "common/engines/kafka/cluster.h"
#include "common/ports/event_log.h"

namespace mesh::kafka {

class Readers {
 public:
  static Result<std::unique_ptr<Readers>> open(Cluster& cluster);
  Readers(Cluster& cluster, Handle handle);
  ~Readers();

  // As EventLog::read. One partition is read by one thread at a time; others wait.
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits);
  // Lets go of what nobody has read for a while.
  void tidy();

 private:
  class Feed;
  std::shared_ptr<Feed> feed_of(const TopicPartition& partition);

  Cluster& cluster_;
  const Handle handle_;
  std::mutex mutex_;
  std::map<TopicPartition, std::shared_ptr<Feed>> feeds_;  // guarded by mutex_
};

}  // namespace mesh::kafka
