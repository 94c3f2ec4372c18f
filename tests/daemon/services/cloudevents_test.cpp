#include "daemon/services/cloudevents.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::services {
namespace {

const Timestamp kNow = *parse_rfc3339("2026-11-21T08:32:00Z");
constexpr auto kStructured = "application/cloudevents+json";
constexpr auto kLines = "application/x-ndjson";
constexpr auto kBatch = "application/cloudevents-batch+json";

http::Request request_of(const std::string& media, std::string body,
                         http::HeaderList headers = {}) {
  http::Request request;
  request.method = "POST";
  request.path = "/api/v1/events";
  request.headers = std::move(headers);
  if (!media.empty()) request.headers.emplace_back("Content-Type", media);
  request.body = std::move(body);
  request.trace = *TraceContext::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  request.principal = {Principal::Kind::tenant_user, *TenantId::parse("acme"), "alice"};
  return request;
}

Result<std::vector<Event>> read(const http::Request& request) {
  return read_events(request, {.allow_unknown_types = true}, kNow);
}

Event one(const http::Request& request) {
  auto events = read(request);
  EXPECT_TRUE(events) << events.error().to_string();
  return events.value().at(0);
}

// The pointer and the reason of a refusal with one.
std::string refusal(const http::Request& request) {
  const auto events = read(request);
  if (events) return "accepted";
  const auto& error = events.error();
  return error.fields.empty() ? error.message
                              : error.fields[0].pointer + " " + error.fields[0].detail;
}

std::string structured(const std::string& members) {
  return R"({"specversion":"1.0","id":"e1","source":"/s","type":"order.closed")" + members + "}";
}

http::Request binary(http::HeaderList headers, const std::string& media = {},
                     std::string body = {}) {
  http::HeaderList all{
      {"ce-specversion", "1.0"}, {"ce-id", "e1"}, {"ce-source", "/s"}, {"ce-type", "order.closed"}};
  all.insert(all.end(), headers.begin(), headers.end());
  return request_of(media, std::move(body), std::move(all));
}

const std::string kExact =
    R"({"n":12345678901234567890123,"d":0.1234567890123456789,"t":1.10,"e":"\u00e9"})";

// In the batch, and where an event took several lines, numbers were rounded.
TEST(CloudEvents, DataIsTheTextThatCameInWhateverTheForm) {
  const std::string event = structured(R"(,"data":)" + kExact);
  EXPECT_EQ(one(request_of(kStructured, event)).data, kExact);
  EXPECT_EQ(one(request_of(kLines, event)).data, kExact);
  EXPECT_EQ(one(request_of(kBatch, "[ " + event + " ]")).data, kExact);
  EXPECT_EQ(one(binary({}, "application/json", kExact)).data, kExact);
  EXPECT_EQ(one(request_of(kStructured, structured(",\n\"data\": {\n \"n\": 1.10\n}"))).data,
            R"({"n":1.10})");
}

TEST(CloudEvents, TimeIsTheTextThatCameIn) {
  const std::string time = "2026-01-02T03:04:05.123456789+02:00";
  const auto event = one(request_of(kStructured, structured(R"(,"time":")" + time + "\"")));
  EXPECT_EQ(event.time_text, time);
  EXPECT_EQ(event.time, *parse_rfc3339("2026-01-02T01:04:05.123Z"));
  EXPECT_EQ(one(binary({{"ce-time", time}})).time_text, time);
  const auto ahead = one(binary({{"ce-time", "2999-01-01T00:00:00Z"}}));
  EXPECT_EQ(ahead.time_text, "2999-01-01T00:00:00Z");
  EXPECT_EQ(ahead.time, kNow);
  const auto without = one(request_of(kStructured, structured("")));
  EXPECT_EQ(without.time, kNow);
  EXPECT_EQ(time_text_of(without), "2026-11-21T08:32:00.000Z");
}

// The HTTP binding, 3.1.3.2: the quotes first, then one round of percent-decoding.
TEST(CloudEvents, QuotedHeadersAreUnescapedOnce) {
  const auto subject = [](const std::string& raw) {
    return one(binary({{"ce-subject", raw}})).subject;
  };
  EXPECT_EQ(subject(R"("two words")"), "two words");
  EXPECT_EQ(subject(R"("a \"b\" \\ c")"), R"(a "b" \ c)");
  EXPECT_EQ(subject(R"("Euro%20%E2%82%AC")"), "Euro \xe2\x82\xac");
  EXPECT_EQ(subject("%22kept%22"), "\"kept\"") << "quotes that were encoded are the value's";
  EXPECT_EQ(subject("100%2525"), "100%25") << "decoded once";
  EXPECT_EQ(subject(R"(say "hi")"), R"(say "hi")");
  EXPECT_EQ(subject(R"("a" and "b")"), R"("a" and "b")") << "no quoted string";
}

TEST(CloudEvents, WithoutDataThereIsNone) {
  for (const auto& request : {request_of(kStructured, structured("")),
                              request_of(kStructured, structured(R"(,"data":null)")), binary({})}) {
    const auto event = one(request);
    EXPECT_EQ(event.data, "");
    EXPECT_EQ(event.content_type, "");
    EXPECT_EQ(to_record(event).value, std::nullopt);
  }
  EXPECT_EQ(to_record(one(binary({}, "application/json"))).value, std::nullopt);
  EXPECT_EQ(refusal(request_of(
                kStructured,
                R"({"specversion":"1.0","id":"1","source":"/s","type":"analytics.recorded"})")),
            "/data analytics.recorded needs a JSON object");
}

TEST(CloudEvents, TheContentTypeDecidesWhatDataIs) {
  const auto text = one(
      request_of(kStructured, structured(R"(,"datacontenttype":"text/plain","data":"{\"a\":1}")")));
  EXPECT_EQ(text.data, R"({"a":1})");
  EXPECT_EQ(text.content_type, "text/plain");
  EXPECT_EQ(one(request_of(kStructured, structured(R"(,"data":"text")"))).data, R"("text")");
  EXPECT_EQ(refusal(request_of(kStructured,
                               structured(R"(,"datacontenttype":"text/plain","data":{"a":1})"))),
            "/data must be a string, or data_base64, since datacontenttype text/plain is not JSON");
  EXPECT_EQ(one(binary({}, "text/json", "{}")).content_type, "text/json");
  EXPECT_NE(refusal(binary({}, "text/json; v=1", "{")), "accepted");
}

TEST(CloudEvents, BytesOfUnknownTypeSaySo) {
  EXPECT_EQ(one(binary({}, "", "\xff")).content_type, "application/octet-stream");
  EXPECT_EQ(one(request_of(kStructured, structured(R"(,"data_base64":"/wAB")"))).content_type,
            "application/octet-stream");
}

TEST(CloudEvents, Base64IsDecodedAndCheckedAsItsContentType) {
  const auto lines = [](const std::string& data, const std::string& type = "analytics.recorded") {
    return request_of(kLines, R"({"type":")" + type +
                                  R"(","datacontenttype":"application/json","data_base64":")" +
                                  base64_encode(data) + "\"}");
  };
  const std::string good = "{\n\"user_id\":\"u\", \"event_type\":\"view\"}";
  const auto event = one(lines(good));
  EXPECT_EQ(event.data, good) << "to the byte";
  EXPECT_EQ(event.subject, "u");
  EXPECT_EQ(refusal(lines(R"({"user_id":"u"})")), "/1/data/event_type is required");
  EXPECT_TRUE(refusal(lines("{", "order.closed")).starts_with("/1/data_base64 is not JSON: "));
  EXPECT_EQ(one(lines("null", "order.closed")).data, "null");
}

std::string analytics(const std::string& members, const std::string& data = "") {
  return R"({"specversion":"1.0","id":"e1","source":"/s","type":"analytics.recorded")" + members +
         R"(,"data":{"user_id":"u-1","event_type":"view")" + data + "}}";
}

TEST(CloudEvents, AByteOrderMarkBeforeJsonDataIsNoPartOfIt) {
  const std::string mark = "\xef\xbb\xbf", data = R"({"a":1})";
  const auto base64 = [](const std::string& text, const std::string& media) {
    return request_of(kStructured, structured(R"(,"datacontenttype":")" + media +
                                              R"(","data_base64":")" + base64_encode(text) + "\""));
  };
  EXPECT_EQ(one(base64(mark + data, "application/json")).data, data);
  EXPECT_EQ(one(binary({}, "application/json", mark + data)).data, data);
  EXPECT_EQ(one(base64(mark + data, "text/plain")).data, mark + data) << "which keeps every byte";
  const std::string second = "malformed JSON at byte 3: a second byte order mark";
  EXPECT_EQ(refusal(base64(mark + mark + data, "application/json")),
            "/data_base64 is not JSON: " + second);
  EXPECT_EQ(refusal(binary({}, "application/json", mark + mark + data)), second);
}

TEST(CloudEvents, ASubjectOtherThanTheDatasIsRefused) {
  EXPECT_EQ(one(request_of(kStructured, analytics(R"(,"subject":"u-1")"))).subject, "u-1");
  EXPECT_EQ(one(request_of(kStructured, analytics(""))).subject, "u-1");
  EXPECT_EQ(refusal(request_of(kStructured, analytics(R"(,"subject":"orders/17")"))),
            "/subject \"orders/17\" is not \"u-1\", the user_id of the data, which is the subject "
            "of analytics.recorded: leave it out");
}

TEST(CloudEvents, ASubjectThatComesOfTheDataIsHeldToTheSubjectsRule) {
  for (const char* control : {"\\u0007", "\\n", "\x7f"}) {
    const std::string event =
        R"({"specversion":"1.0","id":"1","source":"/x",)"
        R"("type":"analytics.recorded","data":{"event_type":"e","user_id":"u)" +
        std::string(control) + "\"}}";
    EXPECT_EQ(refusal(request_of(kStructured, event)),
              "/data/user_id must be at most 4096 bytes of UTF-8 without control characters");
  }
}

TEST(CloudEvents, TheTimestampOfTypedDataIsTheEventsTimeUnlessItHasOne) {
  const std::string stamp = R"(,"timestamp":"2019-03-01T00:00:00+01:00")";
  const auto event = one(request_of(kStructured, analytics("", stamp)));
  EXPECT_EQ(event.time_text, "2019-03-01T00:00:00+01:00");
  EXPECT_EQ(event.time, *parse_rfc3339("2019-02-28T23:00:00Z"));
  EXPECT_EQ(
      one(request_of(kStructured, analytics(R"(,"time":"2020-01-01T00:00:00Z")", stamp))).time_text,
      "2020-01-01T00:00:00Z");
  const auto bare =
      request_of("application/json",
                 R"({"user_id":"u","event_type":"view","timestamp":"2018-01-01T00:00:00Z"})");
  const auto made = make_event(bare, "analytics.recorded", parse_json(bare.body).value(), kNow);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->time_text, "2018-01-01T00:00:00Z");
}

TEST(CloudEvents, TraceStateGoesWithItsParent) {
  const std::string parent = "00-11111111111111111111111111111111-2222222222222222-01";
  auto request = binary({});
  request.trace.state = "vendor=1";
  EXPECT_EQ(one(request).tracestate, "vendor=1");
  auto own = binary({{"ce-traceparent", parent}, {"ce-tracestate", "own=2"}});
  own.trace.state = "vendor=1";
  EXPECT_EQ(one(own).traceparent, parent);
  EXPECT_EQ(one(own).tracestate, "own=2");
  auto without = binary({{"ce-traceparent", parent}});
  without.trace.state = "vendor=1";
  EXPECT_EQ(one(without).tracestate, "") << "of another parent";
  EXPECT_EQ(one(binary({{"ce-traceparent", "broken"}, {"ce-tracestate", "own=2"}})).tracestate, "");
}

TEST(CloudEvents, ASequenceIsKeptAsWritten) {
  EXPECT_EQ(one(binary({{"ce-sequence", "00017"}})).extensions, (Headers{{"sequence", "00017"}}));
  EXPECT_EQ(one(binary({{"ce-sequence", "17"}})).sequence, 17);
  EXPECT_EQ(one(request_of(kStructured, structured(R"(,"shelf":7.0)"))).extensions,
            (Headers{{"shelf", "7"}}));
  EXPECT_EQ(refusal(request_of(kStructured, structured(R"(,"shelf":7.5)"))),
            "/shelf attributes are strings, whole numbers or booleans");
}

TEST(CloudEvents, ATypeOfTheTenantIsHeldToItsSchema) {
  const auto own = std::make_shared<OwnTypes>(
      compile_types({{"order.placed",
                      {{"type", "object"},
                       {"required", Json::array({"id"})},
                       {"properties", {{"id", {{"type", "string"}, {"pattern", "^[A-Z]"}}}}}}}}));
  (*own)["order.broken"] = nullptr;
  const auto refusal_of = [&](const std::string& event) {
    http::Request request;
    request.headers = {{"Content-Type", "application/x-ndjson"}};
    request.principal = {Principal::Kind::tenant_user, *TenantId::parse("acme"), "alice"};
    request.body = event;
    const auto events = read_events(request, {.own_types = own}, kNow);
    if (events) return std::string("accepted");
    return events.error().fields.at(0).pointer;
  };
  EXPECT_EQ(refusal_of(R"({"type":"order.placed","data":{"id":"A1"}})"), "accepted");
  EXPECT_EQ(refusal_of(R"({"type":"order.placed","data":{"id":"a1"}})"), "/1/data/id");
  EXPECT_EQ(refusal_of(R"({"type":"order.placed","data":{}})"), "/1/data/id");
  EXPECT_EQ(refusal_of(R"({"type":"order.placed","data":[]})"), "/1/data");
  EXPECT_EQ(refusal_of(R"({"type":"order.placed"})"), "/1/data");
  EXPECT_EQ(refusal_of(R"({"type":"order.broken","data":{}})"), "/1/type");
  EXPECT_EQ(refusal_of(R"({"type":"order.other","data":{}})"), "/1/type");
}

}  // namespace
}  // namespace mesh::services
