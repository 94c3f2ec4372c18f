// A log over another one, for whoever changes a few of its answers: all the others are the log's
// own. What is given outlives it.
#pragma once

#include <utility>

#include "common/ports/event_log.h"

namespace mesh {

class LogOver : public EventLog {
 public:
  explicit LogOver(EventLog& log) : log_(log) {}
  void append(std::vector<Record> records, AppendDone done) override {
    log_.append(std::move(records), std::move(done));
  }
  Result<ReadResult> read(const TopicPartition& partition, std::int64_t from,
                          const ReadLimits& limits) override {
    return log_.read(partition, from, limits);
  }
  bool reads_again_cheaply() const override { return log_.reads_again_cheaply(); }
  Result<Watermarks> watermarks(const TopicPartition& partition) override {
    return log_.watermarks(partition);
  }
  Result<std::int64_t> offset_at(const TopicPartition& partition, Timestamp time) override {
    return log_.offset_at(partition, time);
  }
  std::unique_ptr<Watch> watch(const Offsets& offsets, Told told) override {
    return log_.watch(offsets, std::move(told));
  }

 protected:
  EventLog& log_;
};

class LogAdminOver : public LogAdmin {
 public:
  explicit LogAdminOver(LogAdmin& admin) : admin_(admin) {}
  Status ensure_topic(const TopicSpec& spec) override { return admin_.ensure_topic(spec); }
  Result<std::vector<TopicInfo>> topics() override { return admin_.topics(); }
  Status ensure_group(const std::string& group, const std::vector<std::string>& topics) override {
    return admin_.ensure_group(group, topics);
  }
  Result<std::unique_ptr<LogConsumer>> open_consumer(const std::string& group,
                                                     const std::vector<std::string>& topics,
                                                     const std::string& member) override {
    return admin_.open_consumer(group, topics, member);
  }
  Result<std::vector<GroupInfo>> groups() override { return admin_.groups(); }
  bool seeks_active_groups() const override { return admin_.seeks_active_groups(); }
  Status seek_group(const std::string& group, const Offsets& offsets) override {
    return admin_.seek_group(group, offsets);
  }
  Status delete_group(const std::string& group) override { return admin_.delete_group(group); }
  bool erases_records() const override { return admin_.erases_records(); }
  Result<std::int64_t> erase(const TopicPartition& partition,
                             std::span<const std::int64_t> offsets) override {
    return admin_.erase(partition, offsets);
  }

 protected:
  LogAdmin& admin_;
};

}  // namespace mesh
