// Identifiers: UUIDs (RFC 9562) and random hex strings.
// libuuid makes no version 7 before 2.41.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace mesh {

// A UUIDv7 of `now`, lower case with dashes; unique and increasing within the process, also within
// one millisecond. Any thread.
std::string new_uuid_v7(Timestamp now);
// A UUIDv7 of `time` whose other bits come from `name` (by SHA-1): the same again for the same two.
std::string uuid_v7_of(Timestamp time, std::string_view name);
// The time inside a UUIDv7; nothing where `uuid` is not one.
std::optional<Timestamp> uuid_v7_time(std::string_view uuid);

// UUIDv5 (SHA-1) of `name` in `name_space` (a UUID in text form).
// uuid_v5("6ba7b811-9dad-11d1-80b4-00c04fd430c8" /* URL */, "tenant-a:123")
//   == "763541de-6fae-524f-b643-a239b26a6f79"
std::string uuid_v5(std::string_view name_space, std::string_view name);

// `bytes` random bytes of the system's generator in lower-case hex; good for secrets. Any thread.
std::string random_hex(int bytes);

// A fast 64-bit hash that is the same on every machine and in every version: XXH64, seed 0.
// Used for partitions and feature hashing, so its values are part of the stored format.
std::uint64_t stable_hash(std::string_view bytes);

}  // namespace mesh
