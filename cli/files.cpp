#include "cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/fd.h"
#include "common/base/strings.h"

namespace mesh::cli {

tl::unexpected<Error> system_error(const std::string& what, const std::string& path, int code) {
  // Only kinds to which error_text adds no advice: servers and credentials have no part in this.
  const ErrorKind kind = code == ENOENT || code == ENOTDIR                   ? ErrorKind::not_found
                         : code == EACCES || code == EPERM || code == EISDIR ? ErrorKind::invalid
                                                                             : ErrorKind::internal;
  return fail(kind, code == EISDIR ? path + " is a directory: name a file in it"
                                   : "cannot " + what + " " + path + ": " + std::strerror(code));
}

namespace {

Status make_parents(const std::filesystem::path& folder) {
  // The deepest first: mostly it is there, and its parents need not be writable or even readable.
  if (folder.empty() || ::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) return {};
  if (errno != ENOENT) return system_error("make", folder.string());
  MESH_TRY(make_parents(folder.parent_path()));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    return system_error("make", folder.string());
  return {};
}

// What cannot be written whole is removed.
Status write_whole(int file, const std::string& path, std::string_view text) {
  const auto refuse = [&] {
    auto error = system_error("write", path);
    ::unlink(path.c_str());
    return error;
  };
  while (!text.empty()) {
    const ssize_t n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refuse();
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  // A power cut could leave the name with no bytes.
  if (::fsync(file) != 0) return refuse();
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return system_error("read", path);
  std::string text;
  char buffer[16384];
  while (true) {
    const ssize_t n = ::read(file.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path);
    // Windows editors write a mark; it is no part of the text.
    if (n == 0) return std::string(without_bom(text));
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > max_bytes) {
      return fail(ErrorKind::too_large,
                  path + " is larger than " + std::to_string(max_bytes) + " bytes");
    }
  }
}

Status write_private_file(const std::string& name, const std::string& text) {
  // What a link names is written, so that the link stays.
  std::error_code unknown;
  const auto target = std::filesystem::canonical(name, unknown);
  const std::string path = unknown ? name : target.string();
  MESH_TRY(make_parents(std::filesystem::path(path).parent_path()));
  // A name of its own: two that write at once leave one whole file, not a mixed one.
  const std::string beside = path + ".new." + std::to_string(::getpid());
  {
    const Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (!file) return system_error("write", beside);
    if (auto written = write_whole(file.get(), beside, text); !written) return written;
  }
  if (::rename(beside.c_str(), path.c_str()) != 0) {
    auto error = system_error("write", path);
    ::unlink(beside.c_str());
    return error;
  }
  return {};
}

Status write_new_file(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST) {
    return fail(ErrorKind::conflict, path + " exists, and is not overwritten: name another file");
  }
  if (!file) return system_error("write", path);
  return write_whole(file.get(), path, text);
}

}  // namespace mesh::cli
