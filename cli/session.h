// One run of the tool: what was asked, the client, the output.
#pragma once

#include <istream>
#include <memory>
#include <optional>
#include <string>

#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/settings.h"
#include "common/base/clock.h"
#include "common/client/client.h"

namespace mesh::cli {

// One thread; the streams outlive it.
struct Session {
  Session(Surroundings around, std::istream& input, std::ostream& data, std::ostream& notes,
          Terminal terminal, Clock& clock = system_clock());

  Surroundings surroundings;
  std::istream& in;
  Clock& clock;
  Output out;
  Globals globals;
  Settings settings;
  std::unique_ptr<client::Client> mesh;  // set for commands that talk to a server

  // Reads the context file and resolves; then makes the client, whose calls end at `deadline`. Asks
  // no server. Errors are those of load_contexts and resolve.
  Status connect(std::optional<SteadyTime> deadline = {});
  // The format and the like alone, for commands that need no server: problems with addresses and
  // contexts do not count.
  Status resolve_locally();

  // How to print, once the settings are known.
  void set_up_output();

  bool terminal_progress() const;
  Progress progress(std::string label);
};

// The tenant that a tenants' command works in is known: by --tenant or by the token. `invalid`
// with advice otherwise.
Status need_tenant(const Session& session);

// Flushes stdout. `exit`, unless not everything could be written although somebody reads it, which
// is said, and a failure; a reader that has gone, as `head` does, has enough.
Exit written(Session& session, Exit exit);

// Asks on the terminal. True with --yes; `invalid` without a terminal, since nobody can answer;
// `cancelled` for a no.
Status confirm(Session& session, const std::string& question);

}  // namespace mesh::cli
