// The overview of a real daemon, and how it goes on.
#include <gtest/gtest.h>

#include "tests/e2e/daemon.h"
#include "tests/support/eventually.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

TEST(Overview, ShowsTheMeshAndSendsHowItGoesOn) {
  test::TempDir dir;
  Daemon daemon(dir.file("data"));
  ASSERT_TRUE(daemon.start()) << daemon.errors();
  const auto overview = [&] {
    return daemon.call("admin", "GET", "/admin/v1/overview", daemon.operator_token()).json();
  };
  const auto publish = [&] {
    return daemon
        .call("publisher", "POST", "/api/v1/events/analytics", "acme:ada",
              R"({"user_id":"7","event_type":"login"})")
        .status;
  };
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/overview", "acme:ada").status, 403);
  EXPECT_EQ(daemon.call("admin", "GET", "/admin/v1/overview/live", "acme:ada").status, 403);
  daemon.append_broken_experiment("acme", "d-1");
  daemon.await_idle();

  // Follows until it is told of an event that came meanwhile, and of what needs attention.
  http::ClientRequest request;
  request.url = daemon.url("admin") + "/admin/v1/overview/live";
  request.headers = {{"Authorization", "Bearer " + daemon.operator_token()}};
  int samples = 0;
  bool told = false, counted = false, timed = false;
  const auto end = http::Client().stream(
      request, {.on_event = [&](const http::ReadEvent& event) {
        const Json data = Json::parse(event.data);
        if (event.type == "attention") {
          for (const auto& one : data)
            told = told || one["next"] == "mesh dlq list chemical.events";
        } else if (event.type == "sample") {
          if (samples++ == 0) {
            EXPECT_EQ(publish(), 202);
          }
          const auto& end_of = data["topics"];
          counted = counted || (end_of["analytics.events"] == 1 && data["events"] > 0);
          timed = timed || !data["publish_p99"].is_null();
          EXPECT_FALSE(event.id.empty());
        }
        return !(told && counted && timed) && samples < 20;
      }});
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_TRUE(end->streamed);
  EXPECT_TRUE(told && counted && timed) << told << counted << timed;

  const Json seen = overview();
  EXPECT_EQ(seen["sample"]["dead_letters"], 1);
  EXPECT_FALSE(seen["engines"].empty());
  EXPECT_FALSE(seen["sample"]["groups"].empty());
  // What is to be run next is there.
  for (const auto& one : seen["attention"]) {
    std::vector<std::string> words;
    std::istringstream text(one["next"].get<std::string>().substr(5));
    for (std::string word; text >> word;) words.push_back(word);
    EXPECT_LE(daemon.mesh(words).exit_code, 1)
        << one["next"];  // 1: of `mesh doctor`, that finds something
  }
}

}  // namespace
}  // namespace mesh::e2e
