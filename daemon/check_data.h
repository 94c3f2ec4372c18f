// `meshd --check-data` and `--repair-data`: damage in the data folder of a meshd that does not run.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/config/config.h"

namespace mesh {

// Which files of the folder the engines of a configuration use.
struct EmbeddedFiles {
  bool log = true, store = true, index = true;
};
EmbeddedFiles embedded_files(const config::Config& config);

// {"data_dir","state","kept_in",
//  "files":[{"file","state","rows","loses","damages":[{"place","what","tenants","loss"}]}]}.
// `state` is "ok", "damaged" or, of a file that the next start makes, "missing"; of a damaged one
// `loses` tells whether a repair would lose anything for good. `conflict` where a process uses
// the folder.
//
// With `repair` the damaged files are put into <data_dir>/damaged-<time> ("kept_in") and what is
// whole of them takes their place; log and store then say the same of users and tenants
// (sqlite::agree: "written_to_log", "taken_from_log"). "index_built_again": by the next start;
// "index_is_elsewhere": on a server, where it has to be rebuilt; "done": all of this in words.
// After it the folder can be started on.
Result<Json> check_data(const config::Config& config, bool repair, Timestamp now);

// `conflict` where a repair of the folder, or a restore into it, was cut off: its files are then
// neither the old nor the new ones, and the message says what to do.
Status nothing_unfinished(const std::string& data_dir);

// `conflict` where log.db or store.db is used, and missing or empty although the folder was in use:
// a start would begin with nothing. The message says what to do.
Status no_missing_file(const std::string& data_dir, const EmbeddedFiles& used);

// For people; what --check-data prints without --json.
std::string check_data_text(const Json& report);
// As monitoring plug-ins: 0 nothing is damaged, 1 damaged and a repair loses nothing, 2 damaged.
int check_data_exit_code(const Json& report);

}  // namespace mesh
