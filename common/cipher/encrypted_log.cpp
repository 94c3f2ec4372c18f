#include "common/cipher/encrypted_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/thread.h"

namespace mesh::cipher {
namespace {

constexpr int kPollsOfGaps = 20;

std::size_t bytes_of(const Record& record) {
  std::size_t bytes = record.key.size() + record.value.value_or("").size();
  for (const auto& [name, value] : record.headers) bytes += name.size() + value.size();
  return bytes;
}

// Nothing was appended, whatever became of the key.
Error not_appended(Error error) {
  if (error.kind == ErrorKind::uncertain) error.kind = ErrorKind::unavailable;
  return error;
}

// Whoever asked for keys alone has no use for them.
void leave_out(StoredRecord& record) {
  if (key_of(record).empty()) return;
  record.value.reset();
  record.headers.clear();
}

}  // namespace

// Records that were polled, and whose key could not be asked for, come with the next poll: the
// engine's position is past them.
class EncryptedLog::Consumer final : public LogConsumer {
 public:
  Consumer(EncryptedLog& log, std::unique_ptr<LogConsumer> inner)
      : log_(log), inner_(std::move(inner)) {}

  Result<std::vector<StoredRecord>> poll(const ReadLimits& limits, Duration timeout) override {
    const auto began = log_.clock_.steady();
    const auto passed = [&] {
      return std::chrono::duration_cast<Duration>(log_.clock_.steady() - began);
    };
    for (int polls = 0;;) {
      if (polled_.empty()) {
        ++polls;
        auto polled = MESH_TRY(inner_->poll(limits, std::max(timeout - passed(), Duration{0})));
        if (limits.keys_only) std::ranges::for_each(polled, leave_out);
        if (limits.keys_only || polled.empty()) return polled;
        std::ranges::move(polled, std::back_inserter(polled_));
      }
      auto shown = MESH_TRY(show(limits));
      if (!shown.empty() || !polled_.empty()) return shown;
      // All that was polled are gaps; behind them there may be a record. But whoever polls has more
      // to do than to pass a whole log of them.
      if (polls >= kPollsOfGaps || passed() >= timeout) return shown;
    }
  }

  Status commit(const std::map<TopicPartition, std::int64_t>& next) override {
    return inner_->commit(next);
  }

  Assignment changes() override {
    Assignment changes = inner_->changes();
    if (changes.empty()) return changes;
    std::erase_if(polled_, [&](const StoredRecord& record) {
      const TopicPartition partition{record.position.topic, record.position.partition};
      return changes.gained.contains(partition) ||
             std::ranges::find(changes.lost, partition) != changes.lost.end();
    });
    return changes;
  }

  void keep_alive() override { inner_->keep_alive(); }

  std::map<TopicPartition, std::int64_t> position() const override {
    auto positions = inner_->position();
    for (const StoredRecord& record : polled_) {
      const auto at = positions.find({record.position.topic, record.position.partition});
      if (at != positions.end()) at->second = std::min(at->second, record.position.offset);
    }
    return positions;
  }

  void wake() override { inner_->wake(); }

 private:
  // The first of those polled. An error is told once those before it are out.
  Result<std::vector<StoredRecord>> show(const ReadLimits& limits) {
    std::vector<StoredRecord> shown;
    std::size_t bytes = 0;
    while (!polled_.empty() && shown.size() < limits.max_records &&
           (shown.empty() || bytes < limits.max_bytes)) {
      StoredRecord& next = polled_.front();
      const auto readable = log_.show(next);
      if (!readable && shown.empty()) return fail(readable.error());
      if (!readable) break;
      if (*readable) {
        bytes += next.key.size() + next.value.value_or("").size();
        shown.push_back(std::move(next));
      }
      polled_.pop_front();
    }
    return shown;
  }

  EncryptedLog& log_;
  const std::unique_ptr<LogConsumer> inner_;
  std::deque<StoredRecord> polled_;  // as the log has them, in its order
};

EncryptedLog::EncryptedLog(EventLog& log, LogAdmin& admin, TenantCipher* cipher, Options options,
                           Clock& clock)
    : LogOver(log),
      LogAdminOver(admin),
      cipher_(cipher),
      encrypts_(cipher != nullptr && options.encrypts),
      max_pending_bytes_(options.max_pending_bytes),
      clock_(clock) {
  if (!encrypts_) return;
  thread_ = std::thread([this] {
    name_thread("log-keys");
    work();
  });
}

void EncryptedLog::append(std::vector<Record> records, AppendDone done) {
  for (Record& record : records) remove_key_header(record);
  if (!encrypts_) return log_.append(std::move(records), std::move(done));
  const auto keys = remembered_keys(records);
  Batch batch{std::move(records), std::move(done)};
  std::optional<Error> refused;
  {
    std::lock_guard lock(mutex_);
    if (keys) note_ageing(*keys);
    if (closed_ || !keys || waits_behind(batch.records)) {
      refused = wait_for_keys(batch);
      if (!refused) return;
    }
  }
  if (refused) return batch.done(fail(*std::move(refused)));
  hand_on(std::move(batch), *keys);
}

std::optional<EncryptedLog::Keys> EncryptedLog::remembered_keys(
    const std::vector<Record>& records) const {
  Keys keys;
  for (const Record& record : records) {
    const auto tenant = encrypted_for(record);
    if (!tenant || keys.contains(*tenant)) continue;
    auto key = cipher_->remembered(*tenant);
    if (!key) return std::nullopt;
    keys.emplace(*tenant, std::move(key));
  }
  return keys;
}

Result<EncryptedLog::Keys> EncryptedLog::fetched_keys(const std::vector<Record>& records) {
  Keys keys;
  for (const Record& record : records) {
    const auto tenant = encrypted_for(record);
    if (!tenant || keys.contains(*tenant)) continue;
    auto key = MESH_TRY(cipher_->key_of(*tenant));
    keys.emplace(*tenant, std::move(key));
  }
  return keys;
}

void EncryptedLog::hand_on(Batch batch, const Keys& keys) {
  for (Record& record : batch.records) {
    if (const auto tenant = encrypted_for(record)) encrypt(record, *keys.at(*tenant));
  }
  log_.append(std::move(batch.records), std::move(batch.done));
}

std::optional<Error> EncryptedLog::wait_for_keys(Batch& batch) {
  if (closed_) return Error{ErrorKind::unavailable, "the log is shutting down"};
  for (const Record& record : batch.records) {
    batch.tenants.emplace(tenant_of_key(record.key));
    batch.bytes += bytes_of(record);
  }
  // A single batch always fits.
  if (waiting_bytes_ > 0 && waiting_bytes_ + batch.bytes > max_pending_bytes_) {
    return Error{ErrorKind::unavailable, "too many writes wait for the keys of tenants: slow down"};
  }
  for (const auto& tenant : batch.tenants) ++waiting_[tenant];
  waiting_bytes_ += batch.bytes;
  queue_.push_back(std::move(batch));
  changed_.notify_one();
  return std::nullopt;
}

bool EncryptedLog::waits_behind(const std::vector<Record>& records) const {
  if (waiting_.empty()) return false;
  return std::ranges::any_of(records, [&](const Record& record) {
    return waiting_.find(tenant_of_key(record.key)) != waiting_.end();
  });
}

void EncryptedLog::note_ageing(const Keys& keys) {
  for (const auto& [tenant, key] : keys) {
    if (cipher_->ages(tenant) && ageing_.insert(tenant).second) changed_.notify_one();
  }
}

void EncryptedLog::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !queue_.empty() || !ageing_.empty(); });
    if (!queue_.empty()) {
      hand_on_waiting(lock);
    } else if (closed_) {
      return;
    } else {
      refresh_next(lock);
    }
  }
}

void EncryptedLog::hand_on_waiting(std::unique_lock<std::mutex>& lock) {
  std::deque<Batch> batches = std::exchange(queue_, {});
  std::optional<Error> unreachable;
  for (Batch& batch : batches) {
    const auto tenants = batch.tenants;
    const auto bytes = batch.bytes;
    lock.unlock();
    finish(std::move(batch), unreachable);
    lock.lock();
    // Only now: what comes of them meanwhile has to stay behind.
    for (const auto& tenant : tenants) {
      const auto at = waiting_.find(tenant);
      if (--at->second == 0) waiting_.erase(at);
    }
    waiting_bytes_ -= bytes;
  }
}

void EncryptedLog::refresh_next(std::unique_lock<std::mutex>& lock) {
  const TenantId tenant = *ageing_.begin();
  lock.unlock();
  // Where it fails the old one serves for its time; whatever waits then is told why.
  (void)cipher_->refresh(tenant);
  lock.lock();
  ageing_.erase(tenant);  // only now: writes of meanwhile ask for it no second time
}

void EncryptedLog::finish(Batch batch, std::optional<Error>& unreachable) {
  auto keys = remembered_keys(batch.records);
  if (!keys && !unreachable) {
    auto fetched = fetched_keys(batch.records);
    if (!fetched && !fetched.error().retryable()) return batch.done(fail(fetched.error()));
    if (fetched) {
      keys = *std::move(fetched);
    } else {
      unreachable = not_appended(std::move(fetched.error()));
    }
  }
  if (!keys) return batch.done(fail(*unreachable));
  hand_on(std::move(batch), *keys);
}

Result<bool> EncryptedLog::show(StoredRecord& record) {
  if (key_of(record).empty()) return true;
  if (cipher_ != nullptr) return cipher_->decrypt(record);
  return fail(ErrorKind::unavailable,
              to_string(record.position) +
                  " is encrypted, and tenants.master_key_file is not set: name the file again that "
                  "it was written with");
}

Result<ReadResult> EncryptedLog::read(const TopicPartition& partition, std::int64_t from,
                                      const ReadLimits& limits) {
  auto read = MESH_TRY(log_.read(partition, from, limits));
  if (limits.keys_only) {
    std::ranges::for_each(read.records, leave_out);
    return read;
  }
  std::vector<StoredRecord> shown;
  shown.reserve(read.records.size());
  for (StoredRecord& record : read.records) {
    if (MESH_TRY(show(record))) shown.push_back(std::move(record));
  }
  read.records = std::move(shown);
  return read;
}

Result<std::unique_ptr<LogConsumer>> EncryptedLog::open_consumer(
    const std::string& group, const std::vector<std::string>& topics, const std::string& member) {
  auto inner = MESH_TRY(admin_.open_consumer(group, topics, member));
  return std::make_unique<Consumer>(*this, std::move(inner));
}

void EncryptedLog::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace mesh::cipher
