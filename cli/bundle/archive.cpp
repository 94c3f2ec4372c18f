#include "cli/bundle/archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <cstdio>
#include <memory>
#include <string_view>

#include "cli/files.h"
#include "common/base/fd.h"

namespace mesh::cli {
namespace {

// Ends `error`.
Error of_zip(zip_error_t& error) {
  Error made{ErrorKind::internal, "the archive cannot be made: ", {}, {}, {}};
  made.message += zip_error_strerror(&error);
  zip_error_fini(&error);
  return made;
}

// The bytes that a closed archive has left in its source.
Result<std::string> bytes_of(zip_source_t* source) {
  zip_stat_t about;
  if (zip_source_stat(source, &about) != 0 || zip_source_open(source) != 0) {
    return fail(of_zip(*zip_source_error(source)));
  }
  std::string bytes(about.size, '\0');
  const auto read = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (read != static_cast<zip_int64_t>(bytes.size())) {
    return fail(ErrorKind::internal, "the archive cannot be made: it could not be read back");
  }
  return bytes;
}

Status add(zip_t* archive, const ArchivedFile& file, Timestamp made) {
  zip_source_t* const text = zip_source_buffer(archive, file.text.data(), file.text.size(), 0);
  if (!text) return fail(of_zip(*zip_get_error(archive)));
  const auto added = zip_file_add(archive, file.name.c_str(), text, ZIP_FL_ENC_UTF_8);
  if (added < 0) {
    zip_source_free(text);
    return fail(of_zip(*zip_get_error(archive)));
  }
  const auto index = static_cast<zip_uint64_t>(added);
  constexpr zip_uint32_t kMode = (S_IFREG | 0600u) << 16;
  if (zip_file_set_external_attributes(archive, index, 0, ZIP_OPSYS_UNIX, kMode) != 0 ||
      zip_file_set_mtime(archive, index, std::chrono::system_clock::to_time_t(made), 0) != 0) {
    return fail(of_zip(*zip_get_error(archive)));
  }
  return {};
}

// In memory: by a name, libzip would make a file that others may read.
Result<std::string> archive_of(const std::vector<ArchivedFile>& files, Timestamp made) {
  zip_error_t error;
  zip_error_init(&error);
  const std::unique_ptr<zip_source_t, decltype(&zip_source_free)> bytes(
      zip_source_buffer_create(nullptr, 0, 0, &error), zip_source_free);
  if (!bytes) return fail(of_zip(error));
  zip_source_keep(bytes.get());  // an open archive takes it
  std::unique_ptr<zip_t, decltype(&zip_discard)> archive(
      zip_open_from_source(bytes.get(), ZIP_TRUNCATE, &error), zip_discard);
  if (!archive) {
    zip_source_free(bytes.get());
    return fail(of_zip(error));
  }
  for (const auto& file : files) MESH_TRY(add(archive.get(), file, made));
  if (zip_close(archive.get()) != 0) return fail(of_zip(*zip_get_error(archive.get())));
  (void)archive.release();
  return bytes_of(bytes.get());
}

Status write_all(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
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
  const auto bytes = archive_of(files, made);
  Status written = bytes ? write_all(file.get(), path, *bytes) : fail(bytes.error());
  if (written && ::fsync(file.get()) != 0) written = system_error("write", path);
  if (written && !publish(draft, path)) {
    written = errno == EEXIST ? Status(there_already(path)) : Status(system_error("make", path));
  }
  if (!written) ::unlink(draft.c_str());
  return written;
}

}  // namespace mesh::cli
