#include "common/engines/sqlite/core/wal_check.h"

// Reads a write-ahead log the way SQLite's recovery does (https://www.sqlite.org/walformat.html)
// and goes on behind the frame where recovery would stop.
#include <bit>
#include <cstring>
#include <fstream>
#include <optional>
#include <vector>

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/database.h"

namespace mesh::sqlite {
namespace {

constexpr std::size_t kHeader = 32, kFrameHeader = 24;

std::uint32_t big_endian(const char* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}

struct Sum {
  std::uint32_t a = 0, b = 0;
  bool operator==(const Sum&) const = default;
};

// The words are as the machine wrote them that made the log, which the magic number's last bit
// tells.
Sum checksum(Sum sum, const char* data, std::size_t size, bool swap) {
  for (std::size_t i = 0; i < size; i += 8) {
    std::uint32_t x, y;
    std::memcpy(&x, data + i, 4);
    std::memcpy(&y, data + i + 4, 4);
    if (swap) x = __builtin_bswap32(x), y = __builtin_bswap32(y);
    sum.a += x + sum.b;
    sum.b += y + sum.a;
  }
  return sum;
}

Sum stored_sum(const char* p) { return {big_endian(p), big_endian(p + 4)}; }

}  // namespace

Status verify_wal(const std::string& path) {
  static_assert(std::endian::native == std::endian::little);
  std::ifstream in(path + "-wal", std::ios::binary);
  if (!in) return {};
  char header[kHeader];
  if (!in.read(header, kHeader)) return {};  // nothing was committed
  const auto magic = big_endian(header);
  const auto page = big_endian(header + 8);
  const bool swap = (magic & 1) != 0;
  const auto damaged = [&](std::size_t frame) {
    return fail(damaged_file(
        path.substr(path.rfind('/') + 1) + "-wal",
        "frame " + std::to_string(frame) + " is bad and acknowledged commits follow it"));
  };
  const bool header_ok = (magic & ~1U) == 0x377f0682 && page >= 512 && page <= 65536 &&
                         std::has_single_bit(page) &&
                         checksum({}, header, 24, swap) == stored_sum(header + 24);
  if (!header_ok) {
    // The header is synced before the first commit of a log, so a bad one in front of frames of
    // its own salt is damage; without them it is a log that was just being started.
    char frame[kFrameHeader];
    if (in.read(frame, kFrameHeader) && std::memcmp(frame + 8, header + 16, 8) == 0) {
      return damaged(0);
    }
    return {};
  }
  // A transaction is synced before the next one is written. So frames behind a bad one may belong
  // to the transaction that a crash tore; but a valid frame chained to a commit at or behind the
  // bad one proves that the bad frame had once been safe on the disk. (Remains of older, undone
  // writes may lie behind the end; they are never chained to a newer commit.)
  std::vector<char> frame(kFrameHeader + page);
  Sum previous = stored_sum(header + 24);
  std::optional<std::size_t> bad;
  bool behind_commit = false;
  for (std::size_t n = 1; in.read(frame.data(), static_cast<std::streamsize>(frame.size())); ++n) {
    // By the salts, which change each time the log starts over: frames of the round before may
    // follow.
    const bool same_log = std::memcmp(frame.data() + 8, header + 16, 8) == 0;
    auto sum = checksum(previous, frame.data(), 8, swap);
    sum = checksum(sum, frame.data() + kFrameHeader, page, swap);
    previous = stored_sum(frame.data() + 16);
    const bool valid = same_log && sum == previous;
    if (valid && bad && behind_commit) return damaged(*bad);
    if (!valid && !bad) bad = n;
    behind_commit = bad && same_log && big_endian(frame.data() + 4) != 0;
  }
  return {};
}

int each_whole_frame(const std::string& path,
                     const std::function<void(std::uint32_t, std::string_view)>& use) {
  std::ifstream in(path + "-wal", std::ios::binary);
  char header[kHeader];
  if (!in.read(header, kHeader)) return 0;
  const bool swap = (big_endian(header) & 1) != 0;
  auto page = big_endian(header + 8);
  if (page == 1) page = 65536;
  if (page < 512 || page > 65536 || !std::has_single_bit(page)) return 0;
  const std::streamoff frame_bytes = kFrameHeader + page;
  std::vector<char> frame(static_cast<std::size_t>(frame_bytes));
  // The sums are chained by what is stored, so each frame is judged by itself and the one before.
  const auto each = [&](const std::function<void(int number, bool whole)>& visit) {
    in.clear();
    in.seekg(kHeader);
    Sum previous = stored_sum(header + 24);
    for (int n = 0; in.read(frame.data(), frame_bytes); ++n) {
      auto sum = checksum(previous, frame.data(), 8, swap);
      sum = checksum(sum, frame.data() + kFrameHeader, page, swap);
      previous = stored_sum(frame.data() + 16);
      visit(n, sum == previous && std::memcmp(frame.data() + 8, header + 16, 8) == 0);
    }
  };
  int commit = -1, damaged = 0;
  each([&](int number, bool whole) {
    if (whole && big_endian(frame.data() + 4) != 0) commit = number;
  });
  each([&](int number, bool whole) {
    if (number > commit) return;
    if (whole) {
      use(big_endian(frame.data()), {frame.data() + kFrameHeader, page});
    } else {
      ++damaged;
    }
  });
  return damaged;
}

}  // namespace mesh::sqlite
