// What the writers asked for and what became of it: the measure that the checks hold the mesh to.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "common/base/json.h"

namespace mesh::crash {

// unknown: the connection broke before an answer; it may have happened, once, or not at all.
enum class Fate { acknowledged, refused, unknown };

// One published event, by the marker that its data carries.
struct Published {
  std::string tenant;
  bool chemical = false;  // else analytics
  std::string subject;    // the user or the researcher it counts for
  std::string label;      // the event type or the molecule
  std::string request;    // which request it was sent with: all of one are there, or none
  Fate fate = Fate::unknown;
};

// Any thread.
class Ledger {
 public:
  void note(const std::string& marker, Published event) {
    std::lock_guard lock(mutex_);
    events_[marker] = std::move(event);
  }
  void decide(const std::vector<std::string>& markers, Fate fate) {
    std::lock_guard lock(mutex_);
    for (const auto& marker : markers) events_.at(marker).fate = fate;
  }
  // While nobody writes.
  const std::map<std::string, Published>& events() const { return events_; }

 private:
  std::mutex mutex_;
  std::map<std::string, Published> events_;  // guarded by mutex_
};

// What a writer knows of an entity that it alone changes.
struct UserState {
  std::string tenant;
  std::int64_t id = 0;
  std::string email, name;
  bool deleted = false;
};
struct TenantState {
  std::string id, name;
  bool exists = false;
  int changes = 0;  // made so far, to whatever end
};

}  // namespace mesh::crash
