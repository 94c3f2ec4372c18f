// A log whose records are encrypted where they are kept, and plain to whoever uses it.
//
// Written are the values that encrypted_for() names; what is not encrypted, as all from before, is
// read as it is. kKeyHeader is the log's own: one that a record brings along is left out. A record
// whose key was dropped is a gap. Where the store of keys cannot be asked, its error is that of the
// read, and nothing is passed over.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "common/cipher/tenant_cipher.h"
#include "common/ports/log_over.h"

namespace mesh::cipher {

class EncryptedLog final : public LogOver, public LogAdminOver {
 public:
  struct Options {
    bool encrypts = true;  // false: what is appended stays plain
    // Of records that wait for the key of their tenant; what comes beyond is `unavailable`.
    std::size_t max_pending_bytes = 64 << 20;
  };
  // All outlive it, and it its consumers. Without `cipher` nothing is encrypted, and the read of an
  // encrypted record is `unavailable`, and says which key of the configuration is missing.
  EncryptedLog(EventLog& log, LogAdmin& admin, TenantCipher* cipher, Options options, Clock& clock);
  ~EncryptedLog() override { close(); }

  // Records whose tenant's key is not remembered wait for it, and those of the tenant that come
  // later wait behind them; others pass. The key of one that writes again and again is asked for
  // anew before its time is over, so that no write waits.
  void append(std::vector<Record> records, AppendDone done) override;
  // With keys_only, keys of records that nobody can read any more are among them.
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override;
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override;

  // Hands on what waits; later appends are `unavailable`. Before the stores and the log are closed;
  // callable twice.
  void close();

 private:
  class Consumer;
  using Keys = std::map<TenantId, DataKeyPtr>;
  struct Batch {
    std::vector<Record> records;
    AppendDone done;
    std::set<std::string, std::less<>> tenants = {};  // by the keys of the records
    std::size_t bytes = 0;
  };

  // Of the tenants whose records are to be encrypted; nothing where one is not remembered.
  std::optional<Keys> remembered_keys(const std::vector<Record>& records) const;
  Result<Keys> fetched_keys(const std::vector<Record>& records);
  void hand_on(Batch batch, const Keys& keys);
  void work();  // the thread's
  // All that waits; the lock is held but for the work itself.
  void hand_on_waiting(std::unique_lock<std::mutex>& lock);
  void refresh_next(std::unique_lock<std::mutex>& lock);  // likewise: one of ageing_
  // With `unreachable`, which it may set, no key is fetched: a batch behind one that waited for an
  // outage would wait as long again.
  void finish(Batch batch, std::optional<Error>& unreachable);
  // With the mutex held. What keeps the batch from waiting; nothing where it waits.
  std::optional<Error> wait_for_keys(Batch& batch);
  bool waits_behind(const std::vector<Record>& records) const;  // with the mutex held
  void note_ageing(const Keys& keys);                           // likewise
  // Makes it plain; false where it is to be passed over.
  Result<bool> show(StoredRecord& record);

  TenantCipher* const cipher_;
  const bool encrypts_;
  const std::size_t max_pending_bytes_;
  Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> queue_;                          // this and the following guarded by mutex_
  std::map<std::string, int, std::less<>> waiting_;  // batches, by their tenants
  std::size_t waiting_bytes_ = 0;
  std::set<TenantId> ageing_;  // whose keys are to be asked for anew
  bool closed_ = false;
  std::thread thread_;  // last: it uses all of the above; none where nothing is encrypted
};

}  // namespace mesh::cipher
