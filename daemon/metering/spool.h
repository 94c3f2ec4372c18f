// Usage that waits for the log: a file for each period of a journal, written before the journal
// forgets the period and removed once the log has its events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/domain/usage.h"
#include "common/telemetry/usage_journal.h"

namespace mesh::metering {

// Any thread.
class Spool {
 public:
  explicit Spool(std::string folder) : folder_(std::move(folder)) {}

  // Durable when it returns. `process` is who sealed it.
  Status keep(const UsageJournal::Period& period, const std::string& process) const;
  bool has(const std::string& journal, std::uint64_t number) const;
  // The names of the files; those of a journal in their order.
  std::vector<std::string> names() const;
  // The events of a file, the same each time: their ids follow from the journal, the period and the
  // tenant; none where the file is gone, as another process has written it. `corrupt` for what
  // keep() has not written, `unavailable` where it cannot be read now.
  Result<std::vector<UsageIncrement>> read(const std::string& name) const;
  void remove(const std::string& name) const;
  // What cannot be read stays, under another name.
  void set_aside(const std::string& name) const;

 private:
  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  const std::string folder_;
};

}  // namespace mesh::metering
