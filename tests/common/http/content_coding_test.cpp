#include "common/http/content_coding.h"

#include <gtest/gtest.h>

#include "tests/common/http/encode.h"

namespace mesh::http {
namespace {

const auto kAll = [](std::size_t) { return true; };

std::string text(std::size_t size) {
  std::string made;
  for (std::size_t i = 0; made.size() < size; ++i) made += std::to_string(i * i) + ",";
  return made.substr(0, size);
}

TEST(ContentCoding, NamesAreThoseOfHttp) {
  EXPECT_EQ(parse_content_coding("gzip"), ContentCoding::gzip);
  EXPECT_EQ(parse_content_coding(" X-GZip "), ContentCoding::gzip);
  EXPECT_EQ(parse_content_coding("zstd"), ContentCoding::zstd);
  EXPECT_EQ(parse_content_coding("identity"), ContentCoding::identity);
  for (const char* unknown : {"br", "deflate", "gzip, zstd", "gzip,gzip", "*", ""}) {
    EXPECT_EQ(parse_content_coding(unknown), std::nullopt) << unknown;
  }
}

TEST(ContentCoding, WhatWasEncodedIsDecoded) {
  for (const std::size_t size : {1u, 1000u, 65536u, 1000000u}) {
    std::string body;
    EXPECT_EQ(decode_content(ContentCoding::gzip, gzip(text(size)), kAll, body), Decoded::ok);
    EXPECT_EQ(body, text(size));
    EXPECT_EQ(decode_content(ContentCoding::zstd, zstd(text(size)), kAll, body), Decoded::ok);
    EXPECT_EQ(body, text(size));
  }
}

TEST(ContentCoding, MembersAndFramesMayFollowOneAnother) {
  std::string body;
  EXPECT_EQ(decode_content(ContentCoding::gzip, gzip("one ") + gzip("two"), kAll, body),
            Decoded::ok);
  EXPECT_EQ(body, "one two");
  EXPECT_EQ(decode_content(ContentCoding::zstd, zstd("one ") + zstd("two"), kAll, body),
            Decoded::ok);
  EXPECT_EQ(body, "one two");
}

TEST(ContentCoding, CutOffOrOtherBytesAreBroken) {
  std::string body;
  for (const auto& [coding, whole] : {std::pair{ContentCoding::gzip, gzip(text(5000))},
                                      {ContentCoding::zstd, zstd(text(5000))}}) {
    for (const std::size_t size : {std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
      EXPECT_EQ(decode_content(coding, whole.substr(0, size), kAll, body), Decoded::broken) << size;
    }
    EXPECT_EQ(decode_content(coding, whole + "x", kAll, body), Decoded::broken);
    EXPECT_EQ(decode_content(coding, "{\"a\":1}", kAll, body), Decoded::broken);
  }
}

TEST(ContentCoding, DamagedBytesAreBroken) {
  const auto whole = gzip(text(5000));
  for (std::size_t at = 10; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    std::string body;
    EXPECT_NE(decode_content(ContentCoding::gzip, damaged, kAll, body), Decoded::ok) << at;
  }
}

TEST(ContentCoding, ABombEndsWhereItsBoundIs) {
  const std::string zeros(64 << 20, '\0');
  for (const auto& [coding, bomb] :
       {std::pair{ContentCoding::gzip, gzip(zeros)}, {ContentCoding::zstd, zstd(zeros)}}) {
    ASSERT_LT(bomb.size(), zeros.size() / 200);
    std::string body;
    std::size_t most = 0;
    const auto keep = [&](std::size_t size) {
      most = size;
      return size <= 1 << 20;
    };
    EXPECT_EQ(decode_content(coding, bomb, keep, body), Decoded::refused);
    EXPECT_LE(most, (1u << 20) + (64u << 10));
    EXPECT_LE(body.size(), (1u << 20) + (64u << 10));
  }
}

}  // namespace
}  // namespace mesh::http
