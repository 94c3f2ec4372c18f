#include "daemon/run_info.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "common/base/json.h"
#include "common/base/time.h"

namespace mesh {

Status write_run_info(const std::string& data_dir, const RunInfo& info) {
  const std::string path = data_dir + "/run.json", temporary = path + ".new";
  Json json{{"pid", static_cast<std::int64_t>(getpid())},
            {"version", info.version},
            {"started_at", format_rfc3339(info.started_at)},
            {"addresses", info.addresses}};
  if (!info.public_key.empty()) json["public_key"] = info.public_key;
  const std::string text = dump(json) + "\n";
  // Under another name until it is whole: `mesh` may read at any time. Not synced, since it means
  // nothing after a crash.
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  // The mode again, for a file that a start before this one left behind.
  const bool written = fd >= 0 && fchmod(fd, 0600) == 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!written || rename(temporary.c_str(), path.c_str()) != 0) {
    return fail(ErrorKind::unavailable,
                "cannot write " + path + ": " + std::strerror(written ? errno : error));
  }
  return {};
}

void remove_run_info(const std::string& data_dir) {
  // A file that is gone already is what was wanted.
  unlink((data_dir + "/run.json").c_str());
}

}  // namespace mesh
