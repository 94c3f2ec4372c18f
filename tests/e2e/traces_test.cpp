// One trace from a request to the index, by the real process and what stands for a collector.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/e2e/daemon.h"
#include "tests/support/otlp_receiver.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

using test::attribute_of;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr const char* kClient = "00f067aa0ba902b7";  // the client's span

class TracesTest : public ::testing::Test {
 protected:
  void start(const std::string& sample) {
    std::ofstream(dir_.file("headers")) << "X-Scope-OrgID: mesh\n";
    std::filesystem::permissions(dir_.file("headers"), std::filesystem::perms::owner_read);
    daemon_ = std::make_unique<Daemon>(
        dir_.file("data"),
        "http: {slow_request: 1h}\nvectors: {events: false}\ntelemetry:\n  otlp: {endpoint: '" +
            receiver_.url() + "', headers_file: " + dir_.file("headers") + ", sample: " + sample +
            "}\n");
    ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  }
  static http::HeaderList traced(const char* flags) {
    return {{"traceparent", std::string("00-") + kTrace + "-" + kClient + flags}};
  }
  Answer create_user(const http::HeaderList& headers = {}) {
    return daemon_->call("users", "POST", "/users/create", "acme:alice",
                         R"({"email":"t@acme.dev","name":"T"})", headers);
  }
  // Of the client's trace, when the process has ended.
  std::map<std::string, Json> spans_by_name() {
    daemon_->await_idle();
    EXPECT_EQ(daemon_->stop(), 0);
    EXPECT_THAT(receiver_.complaints(), IsEmpty());
    std::map<std::string, Json> all;
    for (const Json& span : receiver_.spans()) {
      if (span["traceId"] == kTrace) all[span["name"].get<std::string>()] = span;
    }
    return all;
  }

  test::TempDir dir_;
  test::OtlpReceiver receiver_;
  std::unique_ptr<Daemon> daemon_;
};

TEST_F(TracesTest, AUserIsOneTraceFromTheRequestToTheIndex) {
  start("0");
  ASSERT_EQ(create_user(traced("-01")).status, 201);
  auto spans = spans_by_name();
  ASSERT_EQ(spans.size(), 6u) << Json(spans).dump();
  Json& request = spans["POST /users/create"];
  EXPECT_EQ(request["parentSpanId"], kClient);
  EXPECT_EQ(request["kind"], 2);
  EXPECT_EQ(attribute_of(request, "mesh.tenant"), "acme");
  EXPECT_EQ(attribute_of(request, "http.response.status_code"), "201");
  EXPECT_EQ(spans["outbox relay"]["parentSpanId"], request["spanId"]);
  EXPECT_EQ(spans["log append"]["parentSpanId"], spans["outbox relay"]["spanId"]);
  EXPECT_EQ(spans["pipeline attempt"]["parentSpanId"], request["spanId"]);
  EXPECT_EQ(spans["embed"]["parentSpanId"], spans["pipeline attempt"]["spanId"]);
  EXPECT_EQ(spans["index"]["parentSpanId"], spans["pipeline attempt"]["spanId"]);
  EXPECT_EQ(attribute_of(spans["log append"], "messaging.destination.name"), "user.events");
  EXPECT_EQ(attribute_of(spans["pipeline attempt"], "mesh.outcome"), "done");
  EXPECT_EQ(receiver_.headers()["x-scope-orgid"], "mesh");
}

TEST_F(TracesTest, APublishedEventIsAppendedWithinItsRequest) {
  start("0");
  ASSERT_EQ(daemon_
                ->call("publisher", "POST", "/api/v1/events/analytics", "acme:alice",
                       R"({"user_id":"7","event_type":"login"})", traced("-01"))
                .status,
            202);
  auto spans = spans_by_name();
  ASSERT_EQ(spans.size(), 3u) << Json(spans).dump();
  const Json& request = spans["POST /api/v1/events/analytics"];
  EXPECT_EQ(spans["log append"]["parentSpanId"], request["spanId"]);
  EXPECT_EQ(spans["pipeline attempt"]["parentSpanId"], request["spanId"]);
  EXPECT_EQ(attribute_of(spans["pipeline attempt"], "messaging.consumer.group.name"), "analytics");
}

TEST_F(TracesTest, ATraceThatIsNotSampledSendsNothingThatGoesWell) {
  start("0");
  ASSERT_EQ(create_user(traced("-00")).status, 201);
  ASSERT_EQ(create_user().status, 409);
  spans_by_name();
  EXPECT_THAT(receiver_.spans(), IsEmpty());
}

TEST_F(TracesTest, WithoutATraceOfTheClientsOneBeginsHere) {
  start("1");
  ASSERT_EQ(create_user().status, 201);
  spans_by_name();
  int roots = 0;
  for (const Json& span : receiver_.spans()) {
    if (span["name"] != "POST /users/create") continue;
    ++roots;
    EXPECT_FALSE(span.contains("parentSpanId"));
  }
  EXPECT_EQ(roots, 1);
}

TEST_F(TracesTest, ScrapersThatTakeOpenMetricsGetExemplars) {
  start("0");
  ASSERT_EQ(create_user(traced("-01")).status, 201);
  const auto scrape = [&](const std::string& role, const std::string& accept) {
    return daemon_->call(role, "GET", "/metrics", "", "", {{"Accept", accept}});
  };
  // As Prometheus asks.
  const std::string prometheus =
      "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
      "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
  const auto open = scrape("admin", prometheus);
  EXPECT_EQ(open.header("Content-Type"),
            "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_THAT(open.body, HasSubstr(std::string("# {trace_id=\"") + kTrace + "\"}"));
  EXPECT_TRUE(open.body.ends_with("# EOF\n"));
  EXPECT_THAT(scrape("users", prometheus).body, Not(HasSubstr(kTrace))) << "for operators only";
  for (const char* accept : {"", "*/*", "text/plain", "application/openmetrics-text;q=0",
                             "text/plain, application/openmetrics-text;q=0.5"}) {
    const auto text = scrape("admin", accept);
    EXPECT_EQ(text.header("Content-Type"), "text/plain; version=0.0.4; charset=utf-8") << accept;
    EXPECT_THAT(text.body, HasSubstr("\nprocess_cpu_seconds_total ")) << accept;
  }
}

// It starts, serves and ends in time where there is nobody.
TEST_F(TracesTest, NobodyWaitsForACollectorThatIsNotThere) {
  daemon_ = std::make_unique<Daemon>(dir_.file("data"),
                                     "telemetry: {otlp: {endpoint: 'http://127.0.0.1:1'}}\n");
  ASSERT_TRUE(daemon_->start()) << daemon_->errors();
  EXPECT_EQ(create_user().status, 201);
  daemon_->await_idle();
  EXPECT_EQ(daemon_->stop(), 0);
  EXPECT_THAT(daemon_->errors(), HasSubstr("traces are not sent; check telemetry.otlp"));
}

}  // namespace
}  // namespace mesh::e2e
