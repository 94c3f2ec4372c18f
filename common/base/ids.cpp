#include "common/base/ids.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "common/base/strings.h"

namespace mesh {
namespace {

constexpr char kHex[] = "0123456789abcdef";

void fill_random(void* out, std::size_t size) {
  auto* p = static_cast<unsigned char*>(out);
  while (size > 0) {
    const ssize_t got = getrandom(p, size, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      std::abort();  // a kernel without a random generator: no id would be safe
    }
    p += got;
    size -= static_cast<std::size_t>(got);
  }
}

// SplitMix64, seeded per thread. Ids are unique by time and counter; these bits keep the ids of
// different processes apart and need not be secret.
std::uint64_t next_random() {
  thread_local std::uint64_t state = [] {
    std::uint64_t seed;
    fill_random(&seed, sizeof seed);
    return seed;
  }();
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

using Bytes16 = std::array<unsigned char, 16>;

std::string format_uuid(const Bytes16& bytes) {
  std::string text(36, '-');
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) ++at;
    text[at++] = kHex[bytes[i] >> 4];
    text[at++] = kHex[bytes[i] & 15];
  }
  return text;
}

std::optional<Bytes16> parse_uuid(std::string_view text) {
  if (text.size() != 36) return std::nullopt;
  Bytes16 bytes;
  std::size_t at = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if ((i == 4 || i == 6 || i == 8 || i == 10) && text[at++] != '-') return std::nullopt;
    const int high = hex_value(text[at]), low = hex_value(text[at + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<unsigned char>(high << 4 | low);
    at += 2;
  }
  return bytes;
}

}  // namespace

std::string new_uuid_v7(Timestamp now) {
  // Milliseconds << 12 | counter. A burst of more than 4096 in a millisecond borrows from the next.
  // A clock that goes back changes nothing but that: the count goes on from the last id.
  static std::atomic<std::uint64_t> last{0};
  const auto floor = static_cast<std::uint64_t>(now.time_since_epoch().count()) << 12;
  // Relaxed does: all threads see one order of the changes of `last`, and nothing else hangs on it.
  std::uint64_t seen = last.load(std::memory_order_relaxed);
  std::uint64_t mine;
  do {
    mine = floor > seen ? floor : seen + 1;
  } while (!last.compare_exchange_weak(seen, mine, std::memory_order_relaxed));

  // The 48 bits of time are above the 12 of the counter, which are where version 7 has its rand_a:
  // so ids sort as text in the order in which they were made.
  const std::uint64_t random = next_random();
  Bytes16 bytes;
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<unsigned char>(mine >> (52 - 8 * i));
  }
  bytes[6] = static_cast<unsigned char>(0x70 | (mine >> 8 & 0x0f));
  bytes[7] = static_cast<unsigned char>(mine);
  for (std::size_t i = 8; i < 16; ++i) bytes[i] = static_cast<unsigned char>(random >> 8 * (i - 8));
  bytes[8] = static_cast<unsigned char>(0x80 | (bytes[8] & 0x3f));
  return format_uuid(bytes);
}

std::optional<Timestamp> uuid_v7_time(std::string_view uuid) {
  const auto bytes = parse_uuid(uuid);
  // Without this look at version and variant a random id would pass for one from a time far away.
  if (!bytes || ((*bytes)[6] >> 4) != 7 || ((*bytes)[8] >> 6) != 2) return std::nullopt;
  std::int64_t milliseconds = 0;
  for (std::size_t i = 0; i < 6; ++i) milliseconds = milliseconds << 8 | (*bytes)[i];
  return Timestamp{std::chrono::milliseconds{milliseconds}};
}

std::string uuid_v5(std::string_view name_space, std::string_view name) {
  // Fetched once: a look-up by name costs more than the digest of a short text.
  static const EVP_MD* const sha1 = EVP_MD_fetch(nullptr, "SHA1", nullptr);
  // Name spaces are constants of the program, so a broken one is not worth an error to every
  // caller.
  const auto space = parse_uuid(name_space).value_or(Bytes16{});
  std::string input(reinterpret_cast<const char*>(space.data()), space.size());
  input += name;
  std::array<unsigned char, 20> digest;
  if (EVP_Digest(input.data(), input.size(), digest.data(), nullptr, sha1, nullptr) != 1) {
    std::abort();
  }
  Bytes16 bytes;
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  bytes[6] = static_cast<unsigned char>(0x50 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<unsigned char>(0x80 | (bytes[8] & 0x3f));
  return format_uuid(bytes);
}

std::string uuid_v7_of(Timestamp time, std::string_view name) {
  auto bytes =
      parse_uuid(uuid_v5("00000000-0000-0000-0000-000000000000", name)).value_or(Bytes16{});
  // The time takes the place of 48 bits of the digest; what is left, 74 bits, tells names apart.
  const auto milliseconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
  for (std::size_t i = 0; i < 6; ++i) {
    bytes[i] = static_cast<unsigned char>(milliseconds >> (40 - 8 * i));
  }
  bytes[6] = static_cast<unsigned char>(0x70 | (bytes[6] & 0x0f));
  return format_uuid(bytes);
}

std::string random_hex(int bytes) {
  std::string raw(static_cast<std::size_t>(bytes), '\0');
  // From the system and not from next_random: such strings may be secrets.
  fill_random(raw.data(), raw.size());
  std::string text;
  text.reserve(raw.size() * 2);
  for (const char c : raw) {
    text += kHex[static_cast<unsigned char>(c) >> 4];
    text += kHex[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::uint64_t stable_hash(std::string_view bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

}  // namespace mesh
