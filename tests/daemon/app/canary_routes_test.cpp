// What the canary of an App asks for, by what the App is configured to do.
#include <gmock/gmock.h>

#include <fstream>

#include "common/http/client.h"
#include "daemon/app.h"
#include "tests/support/temp_dir.h"

namespace mesh {
namespace {

using testing::HasSubstr;
using testing::Not;

// The metrics of one that has just started: each probe has its series from then on.
std::string metrics_of_canary(bool indexes_events) {
  test::TempDir dir;
  config::Config config;
  config.data_dir = dir.path();
  for (auto* address : {&config.listen.users, &config.listen.gateway, &config.listen.publisher,
                        &config.listen.subscriber, &config.listen.admin}) {
    *address = "127.0.0.1:0";
  }
  config.canary = "on";
  config.vectors.events = indexes_events;
  const auto app = App::start(config, {"test", {}, nullptr, nullptr});
  EXPECT_TRUE(app) << app.error().to_string();
  if (!app) return {};
  std::string token;
  std::ifstream(dir.file("operator.token")) >> token;
  http::Client client;
  const auto answer = client.send({.method = "GET",
                                   .url = "http://" + (*app)->addresses().at("admin") + "/metrics",
                                   .headers = {{"Authorization", "Bearer " + token}}});
  EXPECT_TRUE(answer) << answer.error().to_string();
  return answer ? answer->body : std::string();
}

// The owner was refused as well, so that the canary was blind there, and its alert fired, for good.
TEST(CanaryRoutes, EventsThatAreNotIndexedAreNotAskedFor) {
  const std::string route = "route=\"searchEvents\"";
  EXPECT_THAT(metrics_of_canary(true), HasSubstr(route));
  const auto without = metrics_of_canary(false);
  EXPECT_THAT(without, Not(HasSubstr(route)));
  EXPECT_THAT(without, HasSubstr("route=\"searchUsers\""));
}

}  // namespace
}  // namespace mesh
