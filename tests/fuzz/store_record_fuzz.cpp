// Records as the store keeps them (outbox, parked events).
#include "common/engines/sqlite/store/record_codec.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  const auto input = text_of(data, size);
  const auto check = [](std::string_view bytes) {
    const auto record = sqlite::decode_record(bytes);
    if (!record) {
      holds(record.error().kind == ErrorKind::corrupt, "bytes that are no record are damage");
      return;
    }
    holds(
        sqlite::encode_record(record->topic, record->key, record->value, record->headers) == bytes,
        "a record has one form");
  };
  check(input);
  // The checksum would hide everything behind it.
  const std::uint64_t sum = stable_hash(input);
  std::string summed;
  for (int shift = 0; shift < 32; shift += 8) summed += static_cast<char>(sum >> shift);
  summed += input;
  check(summed);
  return 0;
}
