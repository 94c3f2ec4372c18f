#include "daemon/services/request_search.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "common/base/ids.h"
#include "common/base/thread.h"

namespace mesh::services {
namespace {

// Each that waits keeps the records of its request in memory.
constexpr std::size_t kMaxWaiting = 1'000;
// How far is read in a partition behind the time of the first try.
constexpr std::size_t kMaxSearched = 200'000;
// The store says when the first try was, the log when it took a record: maybe by two clocks.
constexpr Duration kClockSlack{5'000};

// An id is unique within its source, and a source within its tenant.
std::string identity_of(const Headers& headers) {
  std::string identity;
  for (const char* name : {"ce_tenantid", "ce_source", "ce_id"}) {
    identity.append(find_header(headers, name)).push_back('\0');
  }
  return identity;
}

using Wanted = std::map<TopicPartition, std::set<std::string>>;

// Where the records are if they are there; nothing where a topic is not.
Result<std::optional<Wanted>> places_of(LogAdmin& admin, const std::vector<Record>& records) {
  auto topics = MESH_TRY(admin.topics());
  Wanted wanted;
  for (const Record& record : records) {
    const auto topic =
        std::ranges::find(topics, record.topic, [](const auto& t) { return t.spec.name; });
    if (topic == topics.end()) return std::nullopt;
    // The partition that EventLog::append gives to the key.
    const auto partition =
        stable_hash(record.key) % static_cast<std::uint64_t>(topic->spec.partitions);
    wanted[{record.topic, static_cast<std::int32_t>(partition)}].insert(
        identity_of(record.headers));
  }
  return wanted;
}

struct Stretch {
  std::int64_t first, behind;
};

// Where they are; nothing where not all are found.
Result<std::optional<Stretch>> find_all(EventLog& log, const TopicPartition& at,
                                        std::set<std::string> wanted, Timestamp since) {
  auto offset = MESH_TRY(log.offset_at(at, since - kClockSlack));
  std::optional<std::int64_t> first;
  for (std::size_t searched = 0; searched < kMaxSearched;) {
    auto read = MESH_TRY(log.read(at, offset, {}));
    for (const StoredRecord& record : read.records) {
      if (wanted.erase(identity_of(record.headers)) == 0) continue;
      if (!first) first = record.position.offset;
      if (wanted.empty()) return Stretch{*first, record.position.offset + 1};
    }
    if (read.at_end) return std::nullopt;
    // An empty fetch counts, so that the loop ends.
    searched += std::max<std::size_t>(1, read.records.size());
    offset = read.next;
  }
  return std::nullopt;
}

Result<std::optional<WritePosition>> all_in_log(EventLog& log, LogAdmin& admin,
                                                const std::vector<Record>& records,
                                                Timestamp since) {
  auto places = MESH_TRY(places_of(admin, records));
  if (!places) return std::nullopt;
  WritePosition place;
  for (auto& [at, wanted] : *places) {
    auto found = MESH_TRY(find_all(log, at, std::move(wanted), since));
    if (!found) return std::nullopt;
    place.log[at] = found->behind;
    // What has no first begins at the start: see write_position.h.
    if (found->first > 0) place.first[at] = found->first;
  }
  return place;
}

}  // namespace

RequestSearch::~RequestSearch() {
  std::deque<std::function<void()>> dropped;  // goes without the lock
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    dropped.swap(waiting_);
  }
  more_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RequestSearch::whole(const std::vector<Record>& records, Timestamp since,
                          std::function<void(Result<std::optional<WritePosition>>)> done) {
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kMaxWaiting) {
      // The caller's completion holds the records.
      waiting_.push_back([this, &records, since, done = std::move(done)] {
        done(all_in_log(log_, admin_, records, since));
      });
      // Under the lock, so that two first searches start one thread.
      if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
      more_.notify_one();
      return;
    }
  }
  done(fail(ErrorKind::unavailable,
            "too many interrupted requests are looked for: try again later"));
}

void RequestSearch::run() {
  name_thread("request-search");
  stand_back(Standing::worker);
  std::unique_lock lock(mutex_);
  while (true) {
    more_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    auto search = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    search();
    // Without the lock: it may hold the last responder of a request, which then answers.
    search = nullptr;
    lock.lock();
  }
}

}  // namespace mesh::services
