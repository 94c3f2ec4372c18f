// Work that the tool does by itself, as a task in the server's list.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "cli/session.h"
#include "common/base/periodic.h"

namespace mesh::cli {

// The list is for others to see: whatever goes wrong with it is a note, and the work goes on. Where
// the session has no operator's token or no address of the admin API, or the server lists no such
// tasks or not for this token, it is not in the list, and nothing is said.
//
//   ListedTask listed(session, "import", {{"tenant", "acme"}});
//   … listed.progressed(500, 1200, {{"created", 500}}); if (listed.cancelled()) …
//   listed.end(ListedTask::End::done);
//
// It reports once a second, from a thread of its own: work that waits for a server is there all the
// same. One that is not ended has failed a minute later.
class ListedTask {
 public:
  enum class End { done, failed, cancelled };

  // `kind` is import or export. Asks the server.
  ListedTask(Session& session, std::string kind, Json spec);
  // `total` is an estimate; 0: unknown.
  void progressed(std::int64_t done, std::int64_t total, Json result);
  // Somebody asked for it, as `mesh tasks cancel` does.
  bool cancelled() const;
  // With what it came to; `error` says why it failed.
  void end(End end, const std::string& error = {});

 private:
  void report();
  void note(const std::string& what, const Error& error);

  Session& session_;
  const std::string kind_;
  std::unique_ptr<client::Client> mesh_;  // null: it is not in the list
  std::string id_;
  mutable std::mutex mutex_;
  client::TaskReport last_;  // this and the next guarded by mutex_, but where reports_ has stopped
  bool cancelled_ = false;
  std::unique_ptr<Periodic> reports_;  // last: it uses all of the above
};

}  // namespace mesh::cli
