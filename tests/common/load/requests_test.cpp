#include "common/load/requests.h"

#include <gtest/gtest.h>

#include <set>

#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::load {
namespace {

TEST(Requests, PersonsHaveAddressesOfTheirOwnAndCanBeCreated) {
  std::set<std::string> addresses;
  for (std::uint64_t n = 0; n < 20'000; n += 7) {
    const NewUser made = person("acme", n);
    EXPECT_TRUE(addresses.insert(made.email).second) << made.email;
    EXPECT_TRUE(parse_json(create_body(made)));
  }
}

TEST(Requests, AnAddressNamesItsTenant) {
  for (std::uint64_t n = 0; n < 8; ++n) EXPECT_EQ(tenant_of(person("acme.x", n).email), "acme.x");
  for (const char* other : {"", "acme.example.com", "a@example.com", "a@.example.com.evil.dev",
                            "a@acme.example.community", "a@acmeexample.com", "a@acme.dev"}) {
    EXPECT_EQ(tenant_of(other), std::nullopt) << other;
  }
}

TEST(Requests, AnEventIsFilledUpToItsSize) {
  const auto shortest = event_body(5).size();
  for (const std::size_t size : {std::size_t{0}, shortest, std::size_t{200}, std::size_t{5'000}}) {
    const std::string body = event_body(5, 10, size);
    EXPECT_EQ(body.size(), std::max(size, event_body(5, 10).size()));
    EXPECT_TRUE(parse_json(body)) << body;
  }
  const auto lines = split(trim(event_lines(1, 3, 10, 300)), '\n');
  ASSERT_EQ(lines.size(), 3u);
  for (const auto& line : lines) EXPECT_TRUE(parse_json(line)) << line;
}

TEST(Requests, AQueryForAnyNameIsText) {
  for (const char* name : {"", "x", "Zoë", "李 小龙", "Ana ñandú", "A B"}) {
    for (std::uint64_t n = 0; n < 4; ++n) {
      EXPECT_TRUE(is_valid_utf8(query_for({"a@b.example", name}, n))) << name;
    }
  }
}

}  // namespace
}  // namespace mesh::load
