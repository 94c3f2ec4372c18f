#include "common/domain/cause.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace mesh {
namespace {

TEST(Cause, WhatIsOfOneEventAloneIsTakenOut) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", ""},
      {"molecule_id is required", "molecule_id is required"},
      {"HTTP 503 after 12ms", "HTTP 503 after #"},
      {"HTTP/1.1 401: no", "HTTP/# 401: no"},
      {"Status code: 503.", "Status code: 503."},
      {"status=429, again in 17", "status=429, again in #"},
      {"qdrant answered GET /items/3 with 404: gone",
       "qdrant answered GET /items/# with 404: gone"},
      {"answered 502 Bad Gateway", "answered 502 Bad Gateway"},
      {"answered 128 vectors for 256 texts", "answered # vectors for # texts"},
      {"status 7, HTTP 5031, took 503", "status #, HTTP #, took #"},
      {"http://a.b 503", "#"},
      {"no user 17.", "no user #."},
      {"offset=17: too far", "offset=#: too far"},
      {"3, 17, 21 are missing", "# are missing"},
      {"took 5 of 7", "took # of #"},
      {"order-4711 is not order_12", "# is not #"},
      {"event 01938c5e-7c1a-7000-8000-000000000001 died", "event # died"},
      {"at 2026-11-21 08:32:00.123Z", "at #"},
      {"user.events/3@17 cannot be decoded", "# cannot be decoded"},
      {"/items/3/name: must be a string", "/items/#/name: must be a string"},
      {"alice@tenant-a.dev is taken", "# is taken"},
      {"GET https://models.internal/v1/embeddings failed", "GET # failed"},
      {"10.0.0.7:5432 and [::1]:6333 are away", "# and [#]# are away"},
      {"\"Alice\" is no number", "\"\" is no number"},
      {"'acme' and `b c` and \"d \\\" e\"", "'' and `` and \"\""},
      {"the server's answer isn't JSON", "the server's answer isn't JSON"},
      {"\"never closed", "\"never closed"},
      {"größer als 5 µm", "größer als # µm"},
  };
  for (const auto& [text, general] : kCases) EXPECT_EQ(general_cause(text), general) << text;
}

TEST(Cause, OneFaultHasOneFingerprint) {
  const std::string one = cause_fingerprint("schema", "user 1: \"age\" is 17");
  EXPECT_EQ(one, cause_fingerprint("schema", "user 22: \"size\" is 5"));
  EXPECT_NE(one, cause_fingerprint("engine", "user 1: \"age\" is 17"));
  EXPECT_NE(one, cause_fingerprint("schema", "user 1: \"age\" was 17"));
  EXPECT_NE(cause_fingerprint("engine", "HTTP 503: no"),
            cause_fingerprint("engine", "HTTP 401: no"));
  // Operators keep it in scripts, and processes of two versions work side by side.
  EXPECT_EQ(cause_fingerprint("schema", "no user 1"), "cccc70a1e4d3");
}

// Texts of the characters that decide, in any order.
TEST(Cause, WhateverTheTextItGetsNoLongerAndIsStableFromThenOn) {
  constexpr std::string_view kCharacters = "aé7 ,.:/@-#\"'`\\\n";
  constexpr std::array<std::string_view, 4> kWords{"HTTP", " 503", "with ", "status:"};
  std::mt19937 random{20261130};  // NOLINT: the same texts each time
  for (int round = 0; round < 50'000; ++round) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = kCharacters[random() % kCharacters.size()];
    for (std::size_t words = random() % 4; words > 0; --words) {
      text.insert(random() % (text.size() + 1), kWords[random() % kWords.size()]);
    }
    const std::string once = general_cause(text);
    ASSERT_LE(once.size(), text.size()) << text;
    ASSERT_EQ(general_cause(once), once) << text;
  }
}

}  // namespace
}  // namespace mesh
