// The files of a backup, as making and restoring one handle them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace mesh::sqlite {

inline constexpr std::size_t kBackupChunk = 1 << 20;  // a multiple of every page size

// What is being made in a folder: goes again unless it is kept.
class FolderDraft {
 public:
  explicit FolderDraft(std::string folder) : folder_(std::move(folder)) {}
  FolderDraft(const FolderDraft&) = delete;
  ~FolderDraft();

  // Made by this, or there and empty (`conflict` otherwise); `unavailable` where it cannot be made.
  Status make_folder();
  // `conflict` in a folder of another user, or open to others, who could read what is written, or
  // put links in its way.
  Status be_alone() const;
  // The path of a file that is about to be made.
  std::string add(const std::string& name);
  void renamed(const std::string& from, const std::string& to);
  void keep() { kept_ = true; }
  // Removes what was made, and says so where it stays.
  tl::unexpected<Error> give_up(Error error);

 private:
  bool remove();  // false: something could not be removed

  const std::string folder_;
  std::vector<std::string> made_;
  bool made_folder_ = false, kept_ = false;
};

// Of a file that is read to its end.
struct Digest {
  std::int64_t bytes = 0;
  std::string sha256;
};
// `use` gets the file's bytes in chunks of kBackupChunk, but for the last; its error ends the
// reading. `unavailable` where the file cannot be read.
Result<Digest> read_through(const std::string& path,
                            const std::function<Status(std::string_view chunk)>& use);

// A new file (0600) of these bytes, synced.
Status write_new(const std::string& path, std::string_view bytes);
// A new file (0600) of the bytes of `from`, synced.
Result<Digest> copy_plain(const std::string& from, const std::string& to);
// The bytes of a file, or the entries of a folder, are on the disk.
Status sync_path(const std::string& path);

// `unavailable`, with the text of errno.
tl::unexpected<Error> unavailable(const std::string& what, int error);

}  // namespace mesh::sqlite
