// `mesh events export | mesh events publish -`, from one meshd into another: what lies in the log
// is the same to the byte.
#include <gtest/gtest.h>

#include "common/engines/sqlite/log/sqlite_log.h"
#include "tests/e2e/daemon.h"
#include "tests/support/manual_clock.h"
#include "tests/support/temp_dir.h"

namespace mesh::e2e {
namespace {

constexpr auto kTopic = "sdk.events";

struct Post {
  http::HeaderList headers;
  std::string body;
};

// What CloudEvents SDKs put on the wire (those of Python, 1.x and 2.x, if nothing else is said).
const std::vector<Post>& sdk_posts() {
  static const std::vector<Post> posts{
      // Binary: percent-encoded attributes, extensions, numbers beyond 64 bits.
      {{{"ce-type", "sdk.made"},
        {"ce-source", "/sdk"},
        {"ce-specversion", "1.0"},
        {"ce-id", "A-1%20%22%E2%82%AC%22%25"},
        {"ce-subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"},
        {"ce-dataschema", "https://ex.org/s.json"},
        {"ce-comexampleext", "x%20y"},
        {"ce-comexint", "7"},
        {"ce-comexbool", "True"},
        {"content-type", "application/json"},
        {"ce-time", "2026-01-02T03:04:05.123456+02:00"}},
       R"({"n": 12345678901234567890123, "s": "\u00e9"})"},
      // The same as a structured event.
      {{{"content-type", "application/cloudevents+json"}},
       R"({"type": "sdk.made", "source": "/sdk", "specversion": "1.0", "id": "A-2 \"\u20ac\"%", "subject": "Euro \u20ac \ud83d\ude00", "dataschema": "https://ex.org/s.json", "comexampleext": "x y", "comexint": 7, "comexbool": true, "datacontenttype": "application/json", "time": "2026-01-02T03:04:05.123456789+02:00", "data": {"n": 12345678901234567890123, "d": 0.1234567890123456789012, "s": "\u00e9"}})"},
      // Without data.
      {{{"ce-type", "sdk.made"},
        {"ce-source", "/sdk"},
        {"ce-specversion", "1.0"},
        {"ce-id", "none-1"},
        {"ce-time", "2026-11-28T15:25:19.315683Z"}},
       ""},
      {{{"content-type", "application/cloudevents+json"}},
       R"({"type": "sdk.made", "source": "/sdk", "specversion": "1.0", "id": "none-2", "time": "2026-11-28T15:25:19.315683Z"})"},
      // Bytes.
      {{{"ce-type", "sdk.made"},
        {"ce-source", "/sdk"},
        {"ce-specversion", "1.0"},
        {"ce-id", "bytes-1"},
        {"content-type", "application/octet-stream"},
        {"ce-time", "2026-11-28T15:25:19.315697Z"}},
       std::string("\xff\x00\x01", 3)},
      {{{"content-type", "application/cloudevents+json"}},
       R"({"type": "sdk.made", "source": "/sdk", "specversion": "1.0", "id": "bytes-2", "datacontenttype": "application/octet-stream", "time": "2026-11-28T15:25:19.315697Z", "data_base64": "/wAB"})"},
      // Text that looks like JSON, and XML.
      {{{"ce-type", "sdk.made"},
        {"ce-source", "/sdk"},
        {"ce-specversion", "1.0"},
        {"ce-id", "text-1"},
        {"content-type", "text/plain"},
        {"ce-time", "2026-11-28T15:25:19.315702Z"}},
       R"({"looks":"like"})"},
      {{{"content-type", "application/cloudevents+json"}},
       R"({"type": "sdk.made", "source": "/sdk", "specversion": "1.0", "id": "xml-2", "datacontenttype": "application/xml", "time": "2026-11-28T15:25:19.315706Z", "data": "<a b=\"1\"/>"})"},
      // JSON of several lines, a JSON string, JSON null; a sequence that is no number.
      {{{"ce-type", "sdk.made"},
        {"ce-source", "/sdk"},
        {"ce-specversion", "1.0"},
        {"ce-id", "lines-1"},
        {"ce-sequence", "00017"},
        {"content-type", "application/json; charset=utf-8"}},
       "{\n  \"price\": 1.10\n}\n"},
      {{{"content-type", "application/cloudevents-batch+json"}},
       R"([{"type":"sdk.made","source":"/sdk","specversion":"1.0","id":"batch-1","data":"text"},
           {"type":"sdk.made","source":"/sdk","specversion":"1.0","id":"batch-2","datacontenttype":"application/json","data_base64":"bnVsbA=="},
           {"type":"sdk.made","source":"/sdk","specversion":"1.0","id":"batch-3","partitionkey":"p","data":[1.50,-0,1E30]}])"},
      // Quoted headers, as versions before 1.0.2 of the HTTP binding wrote them.
      {{{"ce-type", "sdk.made"},
        {"ce-source", "/sdk"},
        {"ce-specversion", "1.0"},
        {"ce-id", "quoted-1"},
        {"ce-comexampleext", R"("two \"words\"")"},
        {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"tracestate", "vendor=1"},
        {"content-type", "text/plain"}},
       "x"},
  };
  return posts;
}

struct Stored {
  std::string key;
  std::optional<std::string> value;
  Headers headers;
  bool operator==(const Stored&) const = default;
};
void PrintTo(const Stored& stored, std::ostream* out) {
  *out << stored.key << " " << stored.value.value_or("(none)");
  for (const auto& [name, value] : stored.headers) *out << "\n  " << name << ": " << value;
}

// By event id.
std::map<std::string, Stored> stored_in(const std::string& data_dir) {
  ManualClock clock;
  auto log = sqlite::SqliteLog::open(data_dir, {.upkeep_interval = Duration(0)}, clock).value();
  std::map<std::string, Stored> all;
  const auto topics = log->topics().value();
  for (const auto& topic : topics) {
    if (topic.spec.name != kTopic) continue;
    for (int p = 0; p < topic.spec.partitions; ++p) {
      auto records = log->read({kTopic, p}, 0, {}).value().records;
      for (auto& record : records) {
        const std::string id(find_header(record.headers, "ce_id"));
        // Who was let in, and by which request, is of each time that it came.
        std::erase_if(record.headers, [](const auto& header) {
          return header.first.starts_with("ce_meshaccepted") || header.first == "ce_meshrequestid";
        });
        EXPECT_TRUE(all.try_emplace(id, Stored{record.key, record.value, record.headers}).second)
            << id << " is there twice";
      }
    }
  }
  return all;
}

TEST(RoundTrip, OfWhatSdksSendIsExactToTheByte) {
  test::TempDir dir;
  Daemon from(dir.file("from")), to(dir.file("to"));
  for (Daemon* daemon : {&from, &to}) {
    ASSERT_TRUE(daemon->start()) << daemon->errors();
    for (const char* tenant : {"acme", "beta"}) {
      ASSERT_EQ(daemon
                    ->call("admin", "POST", "/admin/v1/tenants", daemon->operator_token(),
                           R"({"id":")" + std::string(tenant) +
                               R"(","name":"T","allow_unknown_types":true})",
                           {{"Content-Type", "application/json"}})
                    .status,
                201);
    }
  }
  for (const auto& post : sdk_posts()) {
    const auto answer =
        from.call("publisher", "POST", "/api/v1/events", "acme:ann", post.body, post.headers);
    ASSERT_EQ(answer.status, 202) << answer.body << post.body;
  }
  ASSERT_EQ(from.call("publisher", "POST", "/api/v1/events", "beta:bob",
                      R"({"type":"sdk.made","source":"/sdk","specversion":"1.0","id":"other"})",
                      {{"Content-Type", "application/cloudevents+json"}})
                .status,
            202);

  const auto exported = from.mesh({"events", "export", "--topic", kTopic});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const auto published = to.mesh({"events", "publish", "-"}, exported.out);
  ASSERT_EQ(published.exit_code, 0) << published.out << published.err << exported.out;
  EXPECT_EQ(from.stop(), 0);
  EXPECT_EQ(to.stop(), 0);

  const auto before = stored_in(from.data_dir()), after = stored_in(to.data_dir());
  ASSERT_EQ(before.size(), 14u);
  for (const auto& [id, stored] : before) {
    const auto copy = after.find(id);
    ASSERT_NE(copy, after.end()) << id;
    EXPECT_EQ(copy->second, stored) << id;
  }
  EXPECT_EQ(before.at("A-2 \"\xe2\x82\xac\"%").value,
            R"({"n": 12345678901234567890123, "d": 0.1234567890123456789012, "s": "\u00e9"})");
  EXPECT_EQ(before.at("lines-1").value, "{\n  \"price\": 1.10\n}\n");
  EXPECT_EQ(find_header(before.at("quoted-1").headers, "ce_comexampleext"), "two \"words\"");
  EXPECT_EQ(find_header(before.at("quoted-1").headers, "tracestate"), "vendor=1");
  EXPECT_EQ(before.at("none-1").value, std::nullopt);
  EXPECT_EQ(find_header(after.at("other").headers, "ce_tenantid"), "beta");
}

}  // namespace
}  // namespace mesh::e2e
