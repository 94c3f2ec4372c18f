#include "cli/bundle/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

#include "cli/files.h"
#include "common/base/fd.h"

namespace mesh::cli {
namespace {

struct FreeArchive {
  void operator()(archive* a) const { archive_write_free(a); }
};
struct FreeEntry {
  void operator()(archive_entry* e) const { archive_entry_free(e); }
};

Status write_all(int fd, const std::string& path, const std::vector<ArchivedFile>& files,
                 Timestamp made) {
  const std::unique_ptr<archive, FreeArchive> out(archive_write_new());
  const auto failed = [&] {
    const int code = archive_errno(out.get());
    return system_error("write", path, code > 0 ? code : EIO);
  };
  if (archive_write_add_filter_gzip(out.get()) != ARCHIVE_OK ||
      archive_write_set_format_pax_restricted(out.get()) != ARCHIVE_OK ||
      archive_write_open_fd(out.get(), fd) != ARCHIVE_OK) {
    return failed();
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(made.time_since_epoch());
  for (const auto& file : files) {
    const std::unique_ptr<archive_entry, FreeEntry> entry(archive_entry_new());
    archive_entry_set_pathname_utf8(entry.get(), file.name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.text.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_mtime(entry.get(), seconds.count(), 0);
    if (archive_write_header(out.get(), entry.get()) != ARCHIVE_OK) return failed();
    const auto size = static_cast<la_ssize_t>(file.text.size());
    if (archive_write_data(out.get(), file.text.data(), file.text.size()) != size) return failed();
  }
  if (archive_write_close(out.get()) != ARCHIVE_OK) return failed();
  return {};
}

// Gives the draft its name, unless something has that. `errno` tells why not.
bool publish(const std::string& draft, const std::string& path) {
  if (::link(draft.c_str(), path.c_str()) == 0) return ::unlink(draft.c_str()) == 0;
  // File systems without hard links, such as FAT.
  if (errno != EPERM && errno != EOPNOTSUPP) return false;
  return ::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0;
}

tl::unexpected<Error> there_already(const std::string& path) {
  return fail(ErrorKind::conflict, path + " is there already; name another file");
}

}  // namespace

Status write_archive(const std::string& path, const std::vector<ArchivedFile>& files,
                     Timestamp made) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0) return there_already(path);
  const std::string draft = path + ".new." + std::to_string(::getpid());
  const Fd file(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file && errno == EEXIST) return there_already(draft);
  if (!file) return system_error("make", path);
  Status written = write_all(file.get(), path, files, made);
  if (written && ::fsync(file.get()) != 0) written = system_error("write", path);
  if (written && !publish(draft, path)) {
    written = errno == EEXIST ? Status(there_already(path)) : Status(system_error("make", path));
  }
  if (!written) ::unlink(draft.c_str());
  return written;
}

}  // namespace mesh::cli
