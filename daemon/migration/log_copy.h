// The log's part of a migration: topics with their records, then the groups' positions.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "common/cipher/tenant_cipher.h"
#include "common/ports/event_log.h"
#include "common/ports/log_import.h"
#include "daemon/migration/journal.h"
#include "daemon/migration/places.h"
#include "daemon/migration/sums.h"

namespace mesh::migration {

struct LogEnds {
  EventLog& from;
  LogAdmin& from_admin;
  cipher::TenantCipher* cipher;  // of what the log to be left holds encrypted, else null
  EventLog& to;
  LogAdmin& to_admin;
  LogImport& import;
  // The settings that a topic is to have, but for its partitions.
  std::function<TopicSpec(const std::string& name, TopicKind kind)> spec;
  Clock& clock;
};

// Not synchronized. The logs are at rest meanwhile.
class LogCopy {
 public:
  LogCopy(LogEnds ends, Places& places) : ends_(std::move(ends)), places_(places) {}

  // `conflict` where the log to be filled has records in one of the topics.
  Status insist_on_empty();
  // Reads which topics there are, and makes them: as LogImport::begin.
  Status make_topics();
  // The same where it was not done, and wants the places that groups and dead letters name.
  Status survey();
  std::int64_t records() const;  // about as many are to be copied
  std::int64_t copied() const;   // as of what was saved
  // `conflict` where something names a record that was copied without anybody knowing: the old
  // engines were used since the try before. After survey().
  Status insist_on_unused() const;
  // Copies what is not there yet. `save` is called now and then, and at the end.
  Status copy(Journal& journal, const std::function<Status()>& save);
  // Each group goes on where it was. Those of the index are left out: it is built anew.
  Status place_groups();
  // `conflict` where the old log has grown meanwhile. Reads what was written, and compares:
  // {"name","count","tenants","state","expired"} for each topic; `expired`: of the copied records,
  // those that the old log had let go of when the migration was taken up again.
  Result<Json> verify(Journal& journal);
  // The topics get those that they are to have from now on.
  Status give_settings();

  Json to_json() const;
  void from_json(const Json& json);

 private:
  struct Progress {         // of a partition
    std::int64_t next = 0;  // offset to go on from
    std::int64_t end = 0;   // that the other one had then
    std::int64_t time = 0;  // the last record's
    bool begun = false;
  };

  Status begin();  // notes where each partition begins that is not begun yet
  Status copy_partition(const TopicPartition& partition, Journal& journal,
                        const std::function<Status()>& save);
  // The next `most` records of the copy, which a try before has written, but only up to one that
  // `is_next`; how many they were.
  Result<std::int64_t> pass_expired(const TopicPartition& partition, std::int64_t most,
                                    const std::function<bool(const StoredRecord&)>& is_next);
  // What the partition has beyond what is known of it.
  Result<std::int64_t> written_unseen(const TopicPartition& partition, const Progress& progress);

  const LogEnds ends_;
  Places& places_;
  std::vector<TopicInfo> topics_;  // in the order of copying
  std::vector<GroupInfo> groups_;
  std::map<TopicPartition, Progress> progress_;
  std::map<std::string, Sums> sums_;             // by topic
  std::map<std::string, std::int64_t> expired_;  // by topic, where there are any
  std::map<TopicPartition, std::int64_t> ends_seen_;
  std::uint64_t unsaved_ = 0;  // bytes
};

}  // namespace mesh::migration
