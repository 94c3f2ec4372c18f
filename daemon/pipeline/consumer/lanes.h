// What a pipeline has seen of the log and not yet done, by tenant, so that a tenant with much to do
// does not hold up another.
//
// A pipeline that is far behind reads ahead of its work. What it sees is filed in its tenant's
// lane, not as records but as runs of offsets, and work is taken from the lanes in turn: round
// robin, with equal shares. Within a partition a lane keeps the order of the log, and so does every
// key.
//
// A run is a range of one partition. It stands for the lane's records in it; between them may be
// some of other lanes, which whoever reads the run passes over. Where they are few (`near`) that is
// cheaper than a read for each stretch. And it bounds a lane: beyond `lane_runs` its last run grows
// whatever lies between, and what is read in vain counts against the lane's own share. So a lane
// that is not served (its tenant's retries wait) does not use up the runs of all. When many lanes
// have used them up together there is no room(), and reading ahead waits for a turn.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/domain/event.h"
#include "common/ports/event_log.h"

namespace mesh::pipeline {

// The lane of a record: the tenant of its key. Of what a foreign producer keys otherwise the lanes
// are other ones; events of a key share one even so.
inline std::string_view lane_of(std::string_view key) { return tenant_of_key(key); }

// Not synchronized.
class Lanes {
 public:
  struct Limits {
    std::size_t runs = 131'072;      // of all lanes; 24 bytes each, a lane some 300 more
    std::size_t lane_runs = 16'384;  // of one, before its runs grow instead
    std::size_t near = 4;            // records of others that a run may lead over
    std::size_t share = 16;          // records of a lane per turn, at least
  };
  explicit Lanes(Limits limits) : limits_(limits) {}
  Lanes() : Lanes(Limits{}) {}

  // --- seeing -------------------------------------------------------------------------------
  // Nothing waits; goes on from there.
  void reset(const Offsets& seen);
  // Void what waits of the partition and go on from there.
  void reset(const TopicPartition& partition, std::int64_t seen);
  // Void what waits of the partition; until it is reset it is not one of these lanes'.
  void drop(const TopicPartition& partition);
  // How many records may be filed before there must be a turn.
  std::size_t room() const { return limits_.runs - std::min(limits_.runs, runs_); }
  // The record is the last one of its lane. Offsets of a partition rise.
  void file(std::string_view lane, const Position& at);
  // The record is not to be done: no run may lead over it.
  void pass(std::string_view lane, const Position& at);
  // All below was filed or needs nothing.
  void see(const TopicPartition& partition, std::int64_t next);

  // --- doing --------------------------------------------------------------------------------
  struct Stretch {
    std::string lane;
    TopicPartition partition;
    std::int64_t from = 0, to = 0;
    std::size_t records = 0;  // read at most so many, of whatever lane
  };
  // The next turns: stretches of at most `limit` records, in the order in which they are to be
  // read, each lane's together; at most `may(lane)` of each lane. Changes nothing.
  std::vector<Stretch> next(std::size_t limit,
                            const std::function<std::size_t(const std::string&)>& may) const;
  struct Taken {
    Stretch stretch;
    std::int64_t next = 0;    // read up to here
    std::size_t records = 0;  // read
    std::size_t events = 0;   // of them, the lane's
  };
  // The stretch, which next() gave, is under way up to there; the lane's next turn comes after
  // those of the others.
  void take(const Taken& taken);
  // What is under way is done.
  void finish();

  // --- what waits ---------------------------------------------------------------------------
  bool empty() const { return order_.empty(); }
  std::size_t events() const { return events_ + taken_events_; }  // with those under way
  Offsets seen() const;
  std::int64_t seen(const TopicPartition& partition) const;
  // The first offset of each partition that is not done once what is under way is.
  Offsets low() const;

 private:
  struct Run {
    std::int64_t from, to;
    std::uint32_t events, records;  // the lane's, of all
  };
  struct Queue {  // of a lane in a partition; never empty
    std::size_t partition;
    std::uint64_t last;  // the partition's count when the last run grew; 0: it must not
    std::size_t head = 0;
    std::vector<Run> runs;  // from head on
    const Run& front() const { return runs[head]; }
  };
  struct Lane {
    std::string name;
    std::vector<Queue> queues;  // the first has the turn
    std::size_t runs = 0, records = 0, events = 0;
  };
  struct Partition {
    TopicPartition name;
    bool dropped = false;
    std::int64_t seen = 0;
    std::uint64_t count = 1;  // of records filed or passed, so that gaps of the log do not count
    std::set<std::pair<std::int64_t, const Lane*>> heads;  // where the queues begin
  };
  using Order = std::list<Lane>;

  std::size_t index_of(const std::string& topic, std::int32_t partition) const;  // or size()
  std::size_t add(const std::string& topic, std::int32_t partition);
  Lane& lane_named(std::string_view name);
  Queue* queue_of(Lane& lane, std::size_t partition) const;
  void forget(Lane& lane, const Run& run);
  void remove(Lane& lane, std::size_t partition);  // its queue
  void cut(const Lane& lane, std::size_t share, std::vector<Stretch>& into) const;

  const Limits limits_;
  std::vector<Partition> partitions_;
  Order order_;  // the next turn first; every lane has events
  std::unordered_map<std::string_view, Order::iterator> lanes_;  // the names are the lanes' own
  std::size_t runs_ = 0, events_ = 0;
  std::vector<Taken> taken_;
  std::size_t taken_events_ = 0;
};

}  // namespace mesh::pipeline
