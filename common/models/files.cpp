#include "common/models/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/fd.h"

namespace mesh::models {
namespace {

Status write_parts(const std::string& path, const std::vector<std::string_view>& parts) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!file) return file_error("write", path);
  for (std::string_view bytes : parts) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file.get(), bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR) return file_error("write", path);
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  if (::fsync(file.get()) != 0) return file_error("write", path);
  return {};
}

}  // namespace

tl::unexpected<Error> file_error(const char* what, const std::string& path) {
  const int code = errno;
  const ErrorKind kind = code == ENOENT || code == ENOTDIR                   ? ErrorKind::not_found
                         : code == EACCES || code == EPERM || code == EISDIR ? ErrorKind::invalid
                                                                             : ErrorKind::internal;
  return fail(kind, std::string("cannot ") + what + " " + path + ": " + std::strerror(code));
}

Result<std::string> read_whole(const std::string& path, std::size_t max_bytes) {
  // Nobody may ever write to a pipe, and a model's folder is named by whoever asks for a rebuild.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return file_error("read", path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return file_error("read", path);
  if (!S_ISREG(status.st_mode)) return fail(ErrorKind::invalid, path + " is no file");
  std::string text;
  char part[65536];
  for (;;) {
    const ssize_t n = ::read(file.get(), part, sizeof part);
    if (n == 0) return text;
    if (n < 0 && errno != EINTR) return file_error("read", path);
    if (n > 0) text.append(part, static_cast<std::size_t>(n));
    if (text.size() > max_bytes) {
      return fail(ErrorKind::too_large,
                  path + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

Status write_whole(const std::string& path, const std::vector<std::string_view>& parts) {
  // A name of its own: two that write at once leave one whole file, not a mixed one.
  const std::string beside = path + ".new." + std::to_string(::getpid());
  if (auto written = write_parts(beside, parts); !written) {
    ::unlink(beside.c_str());
    return written;
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    auto error = file_error("write", path);
    ::unlink(beside.c_str());
    return error;
  }
  // The entry of a name is durable once its folder is.
  const auto slash = path.rfind('/');
  const std::string folder = slash == path.npos ? "." : path.substr(0, slash + 1);
  const Fd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return file_error("write", folder);
  return {};
}

}  // namespace mesh::models
