#include "common/engines/sqlite/store/record_codec.h"

#include <gtest/gtest.h>

#include "tests/contract/store_harness.h"

namespace mesh::test {
namespace {

using sqlite::decode_record;

std::string encode(const Record& record) {
  return sqlite::encode_record(record.topic, record.key, record.value, record.headers);
}

Record sample() {
  return {"user.events",
          "acme/1",
          R"({"id":1})",
          {{"ce_id", "e1"}, {"own", std::string(300, 'x')}, {"", ""}, {"traceparent", "00-…"}}};
}

TEST(RecordCodec, ReadsBackWhatItWrote) {
  std::vector<Record> records = {sample(), {}, sample()};
  records[2].value = std::nullopt;
  for (const Record& record : records) {
    auto read = decode_record(encode(record));
    ASSERT_TRUE(succeeds(read));
    EXPECT_EQ(read->topic, record.topic);
    EXPECT_EQ(read->key, record.key);
    EXPECT_EQ(read->value, record.value);
    EXPECT_EQ(read->headers, record.headers);
  }
}

TEST(RecordCodec, WellKnownHeaderNamesTakeOneByte) {
  Record known{"t", "k", {}, {{"ce_specversion", "1.0"}}};
  Record unknown{"t", "k", {}, {{"xx_specversion", "1.0"}}};
  EXPECT_EQ(encode(known).size() + 14, encode(unknown).size());
}

TEST(RecordCodec, FindsEveryChangedByteAndEveryCut) {
  const std::string bytes = encode(sample());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    EXPECT_TRUE(fails_with(decode_record(changed), ErrorKind::corrupt)) << "byte " << i;
    EXPECT_TRUE(fails_with(decode_record(bytes.substr(0, i)), ErrorKind::corrupt)) << "cut " << i;
  }
  EXPECT_TRUE(fails_with(decode_record(bytes + "x"), ErrorKind::corrupt));
}

}  // namespace
}  // namespace mesh::test
