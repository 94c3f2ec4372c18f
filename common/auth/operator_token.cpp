#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/auth/authenticator.h"
#include "common/base/fd.h"
#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/telemetry/log.h"

namespace mesh::auth {
namespace {

constexpr std::size_t kShortest = 32;
constexpr std::size_t kLongest = 4096;

tl::unexpected<Error> refuse(const std::string& path, const std::string& why) {
  return fail(ErrorKind::invalid, "operator token " + path + ": " + why);
}

Result<std::string> read_token(const std::string& path, int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return refuse(path, "not a plain file");
  std::string text(kLongest + 1, '\0');
  const ssize_t got = pread(fd, text.data(), text.size(), 0);
  if (got < 0) return refuse(path, std::strerror(errno));
  text.resize(static_cast<std::size_t>(got));
  const std::string token(trim(without_bom(text)));
  if (token.size() < kShortest || text.size() > kLongest || !is_printable(token) ||
      token.find_first_of(" \t") != std::string::npos) {
    return refuse(path, "not one word of 32 to 4096 characters; delete the file to have one made");
  }
  if ((info.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    log::warn("the operator token is readable by others; chmod 600 it", {{"file", path}});
  }
  return token;
}

bool write_whole(int fd, std::string_view text) {
  return write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
}

// Makes the file with its whole content at once: readers never see half a token, and of two
// processes that start together one wins and both use its token.
Result<void> make_token(const std::string& path) {
  const std::string temporary = path + "." + random_hex(8);
  {
    const Fd file{open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!file) return refuse(path, std::string("cannot be made: ") + std::strerror(errno));
    if (!write_whole(file.get(), random_hex(32) + "\n")) {
      const std::string why = std::strerror(errno);
      unlink(temporary.c_str());
      return refuse(path, "cannot be written: " + why);
    }
  }
  // link, not rename: it never replaces a token that another process has made meanwhile.
  const bool linked = link(temporary.c_str(), path.c_str()) == 0;
  const int error = errno;
  unlink(temporary.c_str());
  if (!linked && error != EEXIST) {
    return refuse(path, std::string("cannot be made: ") + std::strerror(error));
  }
  const Fd folder{open(path.substr(0, path.rfind('/') + 1).append(".").c_str(),
                       O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // The name must be on disk as well as the content, or a power cut takes back a token that was
  // copied elsewhere.
  if (folder) fsync(folder.get());
  return {};
}

}  // namespace

Result<std::string> load_or_make_operator_token(const std::string& path) {
  // Read again after making: where another process won, its token is the one.
  for (const bool may_make : {true, false}) {
    // Not blocking, for a FIFO would hold up the start.
    const Fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    if (file) return read_token(path, file.get());
    if (errno != ENOENT) {
      return refuse(path, std::string("cannot be read: ") + std::strerror(errno));
    }
    if (may_make) MESH_TRY(make_token(path));
  }
  return refuse(path, "disappeared after it was made");
}

}  // namespace mesh::auth
