#include "common/engines/sqlite/core/plain_copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "common/base/fd.h"
#include "common/engines/sqlite/core/database.h"
#include "common/engines/sqlite/vfs/page_sums.h"
#include "common/telemetry/log.h"

namespace mesh::sqlite {
namespace {

constexpr std::size_t kHeaderBytes = 100, kPageSizeAt = 16, kReservedAt = 20, kMarkAt = 96;

// 0 for a file that is none, or whose pages reserve no room for sums.
std::size_t page_bytes(const std::string& header) {
  if (header.size() < kHeaderBytes || header[kReservedAt] != kPageSumBytes) return 0;
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(header[at]); };
  const std::size_t size = byte(kPageSizeAt) << 8 | byte(kPageSizeAt + 1);
  if (size == 1) return 65536;
  return size >= 512 && std::has_single_bit(size) ? size : 0;
}

bool read_page(std::istream& in, std::int64_t number, std::string& page) {
  // A read beyond the end leaves the stream failed.
  in.clear();
  in.seekg((number - 1) * static_cast<std::streamoff>(page.size()));
  return static_cast<bool>(in.read(page.data(), static_cast<std::streamsize>(page.size())));
}

// Whether every sum that is there is right; `unsealed` gets the pages without one.
bool sums_are_right(std::istream& in, std::size_t size, std::int64_t count,
                    std::vector<std::int64_t>& unsealed) {
  std::string page(size, '\0');
  for (std::int64_t number = 1; number <= count; ++number) {
    if (is_lock_page(size, number)) continue;
    if (!read_page(in, number, page)) return false;
    if (page_is_whole(page.data(), size, number)) continue;
    if (!is_unsealed(page.data(), size, number)) return false;
    unsealed.push_back(number);
  }
  return true;
}

bool structure_is_right(const std::string& path) {
  auto db = Database::open(path, Database::Mode::read_raw);
  if (!db) return false;
  auto check = (*db)->prepare("PRAGMA integrity_check(1)");
  if (!check) return false;
  const auto row = check->step();
  return row && *row && check->text(0) == "ok";
}

// A cut at any moment leaves a copy that is taken over again: the mark comes last.
Status seal(const std::string& path, std::istream& in, std::size_t size,
            const std::vector<std::int64_t>& unsealed) {
  const Fd file{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
  const auto put = [&](const char* bytes, std::size_t count, std::size_t at) {
    return ::pwrite(file.get(), bytes, count, static_cast<off_t>(at)) ==
           static_cast<ssize_t>(count);
  };
  bool done = static_cast<bool>(file);
  std::string page(size, '\0'), mark;
  for (const auto number : unsealed) {
    if (!done || !(done = read_page(in, number, page))) break;
    seal_page(page.data(), size, number);
    const auto end = static_cast<std::size_t>(number) * size;
    // Only the sum is written: the rest of the page stays what was checked.
    done = put(page.data() + size - kPageSumBytes, kPageSumBytes, end - kPageSumBytes);
    if (number == 1) mark = page.substr(kMarkAt, 4);
  }
  done = done && ::fsync(file.get()) == 0 && put(mark.data(), mark.size(), kMarkAt) &&
         ::fsync(file.get()) == 0;
  if (done) return {};
  return fail(ErrorKind::unavailable,
              path + ", a copy that another program made, cannot be written to: " +
                  std::strerror(errno) + "; it must be writable to be taken over");
}

}  // namespace

Status adopt_plain_copy(const std::string& path) {
  std::error_code missing;
  // With a log beside it the file is not as its copier left it: the next open brings the log in,
  // and judges it.
  if (const auto ahead = std::filesystem::file_size(path + "-wal", missing);
      !missing && ahead > 0) {
    return {};
  }
  std::ifstream in(path, std::ios::binary);
  std::string header(kHeaderBytes, '\0');
  if (!in.read(header.data(), static_cast<std::streamsize>(header.size()))) return {};
  const auto size = page_bytes(header);
  const auto bytes = std::filesystem::file_size(path, missing);
  if (size == 0 || missing || bytes % size != 0) return {};
  std::string first(size, '\0');
  if (!read_page(in, 1, first) || !is_unsealed(first.data(), size, 1)) return {};
  std::vector<std::int64_t> unsealed;
  if (!sums_are_right(in, size, static_cast<std::int64_t>(bytes / size), unsealed) ||
      !structure_is_right(path)) {
    return {};
  }
  MESH_TRY(seal(path, in, size, unsealed));
  log::info(
      "a copy that another program made was checked and taken over",
      {{"file", path}, {"pages_without_checksum", static_cast<std::int64_t>(unsealed.size())}});
  return {};
}

}  // namespace mesh::sqlite
