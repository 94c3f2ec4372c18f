#include "common/http/stream_places.h"

#include <gtest/gtest.h>

#include "common/base/json.h"

namespace mesh::http {
namespace {

std::string retry_after(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Retry-After") return value;
  }
  return {};
}

TEST(StreamPlaces, ATenantHasSoManyAndTheOthersGoOn) {
  StreamPlaces places(10, 1);
  EXPECT_FALSE(places.take("gateway", "acme"));
  const auto refused = places.take("users", "acme");
  ASSERT_TRUE(refused) << "on whichever listener";
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(retry_after(*refused), "10");
  EXPECT_NE(refused->body.find("http.max_streams_per_tenant"), std::string::npos);
  EXPECT_FALSE(places.take("gateway", "globex"));
  places.give_back("gateway", "acme");
  EXPECT_FALSE(places.take("users", "acme"));
}

TEST(StreamPlaces, AListenerHasSoManyOfWhomever) {
  StreamPlaces places(2, 2);
  EXPECT_FALSE(places.take("gateway", "initech"));
  EXPECT_FALSE(places.take("gateway", "acme"));
  const auto refused = places.take("gateway", "globex");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(retry_after(*refused), "10");
  EXPECT_FALSE(places.take("admin", "globex")) << "another listener has places of its own";
  places.give_back("gateway", "initech");
  EXPECT_FALSE(places.take("gateway", "globex"));
}

TEST(StreamPlaces, TenantsDoNotKeepOperatorsOut) {
  StreamPlaces places(1, 1);
  EXPECT_FALSE(places.take("all", "acme"));
  EXPECT_FALSE(places.take("all", "")) << "an operator, on the listener that tenants have filled";
  EXPECT_TRUE(places.take("all", "")) << "operators' streams have the same bound";
  places.give_back("all", "");
  EXPECT_FALSE(places.take("all", ""));
  EXPECT_TRUE(places.take("all", "globex"));
}

}  // namespace
}  // namespace mesh::http
