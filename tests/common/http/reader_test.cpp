#include "common/http/reader.h"

#include <gtest/gtest.h>

namespace mesh::http {
namespace {

using State = RequestReader::State;

// Feeds `bytes` in pieces of `piece` and answers what is left unread.
std::string feed(RequestReader& reader, std::string_view bytes, std::size_t piece = 1 << 20,
                 std::size_t max_body = 1024) {
  while (!bytes.empty()) {
    const auto part = bytes.substr(0, piece);
    const auto used = reader.feed(part);
    bytes.remove_prefix(used);
    if (reader.state() == State::head_done) {
      reader.begin_body(max_body);
    } else if (used == 0) {
      break;
    }
    if (reader.state() == State::complete || reader.state() == State::refused) break;
  }
  return std::string(bytes);
}

TEST(RequestReader, ARequestIsWholeWhereItsLengthSaysAndTheRestIsLeft) {
  RequestReader reader(1024, 10);
  const auto rest =
      feed(reader, "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /");
  EXPECT_EQ(reader.state(), State::complete);
  EXPECT_EQ(reader.method(), "POST");
  EXPECT_EQ(reader.target(), "/a?b=c");
  EXPECT_EQ(reader.body(), "hello");
  EXPECT_TRUE(reader.keep_alive());
  EXPECT_EQ(rest, "GET /");
}

TEST(RequestReader, ADroppedBodyIsReadToItsEndAndNotKept) {
  for (const auto* request : {"DELETE / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhelloGET /",
                              "DELETE / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                              "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\nGET /"}) {
    RequestReader reader(1024, 10);
    std::string_view bytes = request;
    bytes.remove_prefix(reader.feed(bytes));
    reader.begin_body(1024);
    reader.drop_body(5);
    bytes.remove_prefix(reader.feed(bytes));
    EXPECT_EQ(reader.state(), State::complete);
    EXPECT_EQ(reader.received(), 5u);
    EXPECT_EQ(reader.body(), "");
    EXPECT_EQ(bytes, "GET /");
  }
}

TEST(RequestReader, ADroppedBodyHasABoundToo) {
  RequestReader sized(1024, 10);
  std::string_view bytes = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhello!";
  bytes.remove_prefix(sized.feed(bytes));
  sized.begin_body(1024);
  sized.drop_body(5);
  EXPECT_EQ(sized.refusal_status(), 413);
  RequestReader chunked(1024, 10);
  bytes =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1\r\n!\r\n";
  bytes.remove_prefix(chunked.feed(bytes));
  chunked.begin_body(1024);
  chunked.drop_body(5);
  chunked.feed(bytes);
  EXPECT_EQ(chunked.refusal_status(), 413);
}

TEST(RequestReader, ARefusedBodyIsGivenBackWithItsMemory) {
  RequestReader reader(1024, 10);
  feed(reader,
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n186a0\r\n" +
           std::string(100'000, 'x') + "\r\nfffff\r\n",
       1 << 20, 200'000);
  ASSERT_EQ(reader.refusal_status(), 413);
  reader.reset();
  EXPECT_LT(reader.body().capacity(), 1000u);
}

TEST(RequestReader, HowTheBytesArriveMakesNoDifference) {
  const std::string request =
      "\r\nPOST http://x/up HTTP/1.1\r\nhost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "4;name=value\r\nwiki\r\n00A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (std::size_t piece = 1; piece <= request.size(); ++piece) {
    RequestReader reader(1024, 10);
    EXPECT_EQ(feed(reader, request, piece), "");
    ASSERT_EQ(reader.state(), State::complete) << piece << ": " << reader.refusal_detail();
    EXPECT_EQ(reader.target(), "/up");
    EXPECT_EQ(reader.body(), "wiki0123456789");
  }
}

TEST(RequestReader, IsReadyForTheNextRequestAfterReset) {
  RequestReader reader(1024, 10);
  feed(reader, "POST /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx");
  EXPECT_FALSE(reader.keep_alive());
  reader.reset();
  EXPECT_TRUE(reader.untouched());
  feed(reader, "GET /b HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(reader.state(), State::complete);
  EXPECT_EQ(reader.target(), "/b");
  EXPECT_EQ(reader.body(), "");
  EXPECT_FALSE(reader.has_body_length());
  EXPECT_TRUE(reader.keep_alive());
}

TEST(RequestReader, WhatIsNotHttpIsRefusedAtItsFirstByteAlsoBehindEmptyLines) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{100}}) {
    RequestReader reader(1024, 10);
    feed(reader, "\r\n\x16\x03\x01", piece);
    EXPECT_EQ(reader.state(), State::refused) << "in pieces of " << piece;
  }
}

TEST(RequestReader, AnAbsoluteTargetIsReducedToItsPath) {
  RequestReader reader(1024, 10);
  feed(reader, "GET http://Example.com:80?q=1 HTTP/1.1\r\nHost: example.com:80\r\n\r\n");
  ASSERT_EQ(reader.state(), State::complete) << reader.refusal_detail();
  EXPECT_EQ(reader.target(), "/?q=1");
  EXPECT_TRUE(reader.head().starts_with("GET /?q=1 HTTP/1.1\r\n"));
}

TEST(RequestReader, TheBodyLimitHoldsForLengthsAndChunks) {
  RequestReader sized(1024, 10);
  feed(sized, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n", 100, 10);
  EXPECT_EQ(sized.refusal_status(), 413);
  RequestReader chunked(1024, 10);
  feed(chunked,
       "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n", 1000,
       10);
  EXPECT_EQ(chunked.refusal_status(), 413);
}

TEST(RequestReader, FieldsStandAsTheyWereSentAndTheNextRequestHasItsOwn) {
  RequestReader reader(1024, 10);
  feed(reader, "QUERY /a?x=%41 HTTP/1.1\r\nHost: x\r\nce-Subject: \t a%0d%20b \r\nHOST2:\r\n\r\n",
       3);
  ASSERT_EQ(reader.state(), State::complete) << reader.refusal_detail();
  EXPECT_EQ(reader.method(), "QUERY");
  EXPECT_EQ(reader.target(), "/a?x=%41");
  EXPECT_EQ(reader.fields(),
            (HeaderList{{"Host", "x"}, {"ce-Subject", "a%0d%20b"}, {"HOST2", ""}}));
  EXPECT_EQ(reader.take_fields().size(), 3u);
  reader.reset();
  feed(reader, "GET /b HTTP/1.1\r\nHost: y\r\n\r\n");
  EXPECT_EQ(reader.fields(), (HeaderList{{"Host", "y"}}));
}

TEST(RequestReader, AHeadThatIsRefusedIsKnownForOne) {
  RequestReader reader(1024, 10);
  feed(reader, "HEAD /a#b HTTP/1.1\r\n");
  EXPECT_EQ(reader.refusal_status(), 400);
  EXPECT_EQ(reader.method(), "HEAD") << "its answer has no body";
}

struct Refused {
  int status;
  std::string name;
  std::string request;
};

std::string with_fields(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n" + body;
}
std::string chunks(const std::string& body) {
  return with_fields("Transfer-Encoding: chunked\r\n", body);
}

class RequestReaderRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(RequestReaderRefuses, WhatTwoParsersCouldReadDifferently) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    RequestReader reader(1024, 10);
    feed(reader, GetParam().request, piece);
    ASSERT_EQ(reader.state(), State::refused) << "in pieces of " << piece;
    EXPECT_EQ(reader.refusal_status(), GetParam().status) << reader.refusal_detail();
    EXPECT_FALSE(reader.refusal_detail().empty());
  }
}

using namespace std::string_literals;

const std::vector<Refused> kRefused{
    {400, "LengthAndChunks",
     with_fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
    {400, "ChunksAndLength",
     with_fields("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", "0\r\n\r\n")},
    {400, "TwoLengths", with_fields("Content-Length: 5\r\nContent-Length: 6\r\n", "hello")},
    {400, "EqualLengths", with_fields("Content-Length: 5\r\nContent-Length: 5\r\n", "hello")},
    {400, "LengthList", with_fields("Content-Length: 5, 5\r\n", "hello")},
    {400, "NegativeLength", with_fields("Content-Length: -1\r\n")},
    {400, "SignedLength", with_fields("Content-Length: +5\r\n", "hello")},
    {400, "HexLength", with_fields("Content-Length: 0x5\r\n", "hello")},
    {400, "EmptyLength", with_fields("Content-Length:\r\n", "hello")},
    {400, "OverflowingLength", with_fields("Content-Length: 18446744073709551621\r\n", "hello")},
    {413, "HugeLength", with_fields("Content-Length: 18446744073709551615\r\n", "hello")},
    {501, "UnknownCoding", with_fields("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n")},
    {501, "ObfuscatedCoding", with_fields("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")},
    {400, "CodingTwice",
     with_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n")},
    {400, "CodingInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "SpaceBeforeColon", with_fields("Content-Length : 5\r\n", "hello")},
    {400, "TabBeforeColon", with_fields("Transfer-Encoding\t: chunked\r\n", "0\r\n\r\n")},
    {400, "FoldedField", with_fields("X-A: 1\r\n Content-Length: 5\r\n", "hello")},
    {400, "SpaceBeforeFirstField", "GET / HTTP/1.1\r\n Host: x\r\n\r\n"},
    {400, "FieldWithoutColon", with_fields("Content-Length\r\n")},
    {400, "EmptyFieldName", with_fields(": 1\r\n")},
    {400, "BareLf", "GET / HTTP/1.1\nHost: x\n\n"},
    {400, "BareLfInField", with_fields("X-A: 1\nContent-Length: 5\r\n", "hello")},
    {400, "BareCrInField", with_fields("X-A: 1\rContent-Length: 5\r\n", "hello")},
    {400, "NulInField", with_fields("X-A: a\0b\r\n"s)},
    {400, "NulInName", with_fields("X\0A: b\r\n"s)},
    {400, "NoHost", "GET / HTTP/1.1\r\nX-A: 1\r\n\r\n"},
    {400, "TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {400, "HostWithPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "OtherHostInTarget", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"},
    {400, "UserInfoInTarget", "GET http://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"},
    {400, "OtherScheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "RelativeTarget", "GET users HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "FragmentInTarget", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "SpaceInTarget", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "TabBehindTarget", "GET /\t HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "SpaceBehindVersion", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {400, "FourParts", "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n"},
    {400, "NulInTarget", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s},
    {400, "OnlyAMethod", "GET \r\nHost: a\r\n\r\n"},
    {400, "VersionAndMore", "GET / HTTP/1.10\r\nHost: a\r\n\r\n"},
    {501, "QueryInLowerCase", "query / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "TwoSpaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "TabsInRequestLine", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "Http09", "GET /\r\n\r\n"},
    {400, "LowerCaseVersion", "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {505, "Http2Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
    {505, "Http12", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"},
    {501, "Connect", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"},
    {501, "UnknownMethod", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n"},
    {501, "LowerCaseMethod", "get / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "TlsHello", "\x16\x03\x01\x02"s},
    {417, "OtherExpectation", with_fields("Expect: 200-maybe\r\n")},
    {431, "LongHead", with_fields("X-A: " + std::string(2000, 'a') + "\r\n")},
    {431, "ManyFields",
     with_fields("A: 1\r\nA: 2\r\nA: 3\r\nA: 4\r\nA: 5\r\nA: 6\r\nA: 7\r\n"
                 "A: 8\r\nA: 9\r\nA: 10\r\n")},
    {400, "NegativeChunk", chunks("-2\r\nab\r\n0\r\n\r\n")},
    {400, "SignedChunk", chunks("+2\r\nab\r\n0\r\n\r\n")},
    {400, "PrefixedChunk", chunks("0x2\r\nab\r\n0\r\n\r\n")},
    {400, "EmptyChunkSize", chunks("\r\nab\r\n0\r\n\r\n")},
    {400, "OverflowingChunk", chunks("10000000000000002\r\nab\r\n0\r\n\r\n")},
    {413, "HugeChunk", chunks("fffffffffffffff\r\nab\r\n0\r\n\r\n")},
    {400, "ChunkSizeWithBareLf", chunks("2\nab\r\n0\r\n\r\n")},
    {400, "ChunkLongerThanItsSize", chunks("2\r\nabc\r\n0\r\n\r\n")},
    {400, "ChunkEndsInBareLf", chunks("2\r\nab\n0\r\n\r\n")},
    {400, "TextAfterChunkSize", chunks("2 2\r\nab\r\n0\r\n\r\n")},
    {400, "LongChunkExtension", chunks("2;" + std::string(500, 'a') + "\r\nab\r\n0\r\n\r\n")},
    {400, "ControlInChunkExtension", chunks("2;a\x01\r\nab\r\n0\r\n\r\n")},
    {400, "BadTrailer", chunks("0\r\nno colon\r\n\r\n")},
};

INSTANTIATE_TEST_SUITE_P(Smuggling, RequestReaderRefuses, ::testing::ValuesIn(kRefused),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace mesh::http
