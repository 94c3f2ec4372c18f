#include "common/engines/sqlite/backup/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/fd.h"
#include "common/base/sha256.h"

namespace mesh::sqlite {
namespace {

namespace fs = std::filesystem;

Status write_all(const Fd& file, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto n = ::write(file.get(), bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return unavailable(path + " cannot be written", errno);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

// A new file; `fill` writes it.
template <typename Fill>
auto make_file(const std::string& path, Fill fill) -> decltype(fill(std::declval<const Fd&>())) {
  // O_EXCL follows no link that somebody has put there.
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) return unavailable(path + " cannot be made", errno);
  auto filled = fill(file);
  if (filled && ::fsync(file.get()) != 0) return unavailable(path + " cannot be synced", errno);
  return filled;
}

}  // namespace

tl::unexpected<Error> unavailable(const std::string& what, int error) {
  return fail(ErrorKind::unavailable, what + ": " + std::strerror(error));
}

Status sync_path(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file && ::fsync(file.get()) == 0) return {};
  return unavailable(path + " cannot be synced", errno);
}

FolderDraft::~FolderDraft() {
  if (!kept_) (void)remove();
}

Status FolderDraft::make_folder() {
  std::error_code error;
  made_folder_ = fs::create_directory(folder_, error);
  if (error) {
    return fail(ErrorKind::unavailable, folder_ + " cannot be made: " + error.message());
  }
  if (!fs::is_empty(folder_, error) || error) {
    return fail(ErrorKind::conflict, folder_ + " is not empty");
  }
  fs::permissions(folder_, fs::perms::owner_all, error);
  return {};
}

Status FolderDraft::be_alone() const {
  struct stat info {};
  if (::stat(folder_.c_str(), &info) != 0) return unavailable(folder_ + " cannot be read", errno);
  if (info.st_uid == ::geteuid() && (info.st_mode & (S_IRWXG | S_IRWXO)) == 0) return {};
  return fail(ErrorKind::conflict, folder_ +
                                       " is open to other users and cannot be closed to them: "
                                       "name a folder that is not there yet");
}

std::string FolderDraft::add(const std::string& name) {
  made_.push_back(folder_ + "/" + name);
  return made_.back();
}

void FolderDraft::renamed(const std::string& from, const std::string& to) {
  std::ranges::replace(made_, from, to);
}

bool FolderDraft::remove() {
  bool all = true;
  std::error_code error;
  for (const auto& path : made_) {
    // What SQLite may have put beside a copy goes with it.
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      fs::remove(path + suffix, error);
      all = all && !error;
    }
  }
  made_.clear();
  // Only where it is empty; a folder that was there before stays.
  if (made_folder_) fs::remove(folder_, error);
  return all && !error;
}

tl::unexpected<Error> FolderDraft::give_up(Error error) {
  kept_ = true;
  if (!remove()) error.message += "; what was written stays in " + folder_ + ": remove it";
  return fail(std::move(error));
}

Result<Digest> read_through(const std::string& path,
                            const std::function<Status(std::string_view chunk)>& use) {
  // Not blocking, for a FIFO would wait.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return unavailable(path + " cannot be read", errno);
  Digest digest;
  Sha256 sum;
  std::string chunk(kBackupChunk, '\0');
  for (;;) {
    std::size_t filled = 0;
    while (filled < chunk.size()) {
      const auto n = ::read(file.get(), chunk.data() + filled, chunk.size() - filled);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return unavailable(path + " cannot be read", errno);
      if (n == 0) break;
      filled += static_cast<std::size_t>(n);
    }
    if (filled == 0) break;
    const std::string_view bytes(chunk.data(), filled);
    sum.add(bytes);
    digest.bytes += static_cast<std::int64_t>(filled);
    MESH_TRY(use(bytes));
  }
  digest.sha256 = sum.hex();
  return digest;
}

Status write_new(const std::string& path, std::string_view bytes) {
  return make_file(path, [&](const Fd& file) { return write_all(file, bytes, path); });
}

Result<Digest> copy_plain(const std::string& from, const std::string& to) {
  return make_file(to, [&](const Fd& file) {
    return read_through(from, [&](std::string_view chunk) { return write_all(file, chunk, to); });
  });
}

}  // namespace mesh::sqlite
