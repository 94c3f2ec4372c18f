#include "common/domain/event.h"

#include <gtest/gtest.h>

#include "common/base/ids.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh {
namespace {

const TenantId kTenant = TenantId::parse("tenant-a").value();
const Timestamp kTime = parse_rfc3339("2026-11-21T08:32:00.123Z").value();
const std::string kUser =
    R"({"id":123,"email":"alice@tenant-a.dev","name":"Alice A","tenantId":"tenant-a"})";

Event user_created() {
  return {.id = "019a0000-0000-7000-8000-000000000001",
          .type = "user.created",
          .source = "/mesh/users",
          .time = kTime,
          .tenant = kTenant,
          .subject = "123",
          .sequence = 1,
          .traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
          .data = kUser,
          .extensions = {{"region", "eu"}}};
}

StoredRecord stored(Record record, std::int64_t offset = 17) {
  return {{std::move(record.topic), 3, offset},
          kTime + Duration{5},
          std::move(record.key),
          std::move(record.value),
          std::move(record.headers)};
}

StoredRecord foreign(std::string topic, std::string value, std::string key = "k") {
  return {{std::move(topic), 3, 17}, kTime, std::move(key), std::move(value), {}};
}

void expect_unprocessable(const StoredRecord& record) {
  const auto event = from_record(record);
  ASSERT_FALSE(event) << event->id;
  EXPECT_EQ(event.error().kind, ErrorKind::unprocessable);
  EXPECT_NE(event.error().message.find(to_string(record.position)), std::string::npos);
}

StoredRecord with_header(StoredRecord record, std::string_view name, std::string value) {
  for (auto& header : record.headers) {
    if (header.first == name) header.second = std::move(value);
  }
  return record;
}

StoredRecord without_header(StoredRecord record, std::string_view name) {
  std::erase_if(record.headers, [&](const auto& header) { return header.first == name; });
  return record;
}

TEST(EventRecord, ValueIsThePlainDataAndEverythingElseIsInHeaders) {
  const auto record = to_record(user_created());
  EXPECT_EQ(record.topic, "user.events");
  EXPECT_EQ(record.key, "tenant-a/123");
  EXPECT_EQ(record.value, kUser);
  EXPECT_EQ(record.headers,
            (Headers{{"ce_specversion", "1.0"},
                     {"ce_id", "019a0000-0000-7000-8000-000000000001"},
                     {"ce_type", "user.created"},
                     {"ce_source", "/mesh/users"},
                     {"ce_time", "2026-11-21T08:32:00.123Z"},
                     {"ce_subject", "123"},
                     {"ce_tenantid", "tenant-a"},
                     {"ce_sequence", "1"},
                     {"content-type", "application/json"},
                     {"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
                     {"ce_region", "eu"}}));
}

TEST(EventRecord, HeadersThatHaveNothingToSayAreLeftOut) {
  auto event = user_created();
  event.sequence = 0;
  event.traceparent.clear();
  event.subject.clear();
  const auto record = to_record(event);
  for (const char* name : {"ce_sequence", "traceparent", "ce_subject"}) {
    EXPECT_TRUE(find_header(record.headers, name).empty()) << name;
  }
}

TEST(EventRecord, KeyIsTheTenantAloneWhereTheTypeHasNoSubject) {
  auto event = user_created();
  event.type = "billing.usage.incremented";
  EXPECT_EQ(to_record(event).key, "tenant-a");
  event.type = "tenant.updated";
  EXPECT_EQ(to_record(event).key, "tenant-a");
  event.type = "task.created";
  EXPECT_EQ(to_record(event).key, "tenant-a/123");
  event.type = "order.created";
  EXPECT_EQ(to_record(event).topic, "order.events");
  EXPECT_EQ(to_record(event).key, "tenant-a/123");
  event.subject.clear();
  EXPECT_EQ(to_record(event).key, "tenant-a");
}

TEST(EventRecord, AKeyTellsItsTenantAndItsSubject) {
  const auto tenant = *TenantId::parse("tenant-a");
  EXPECT_EQ(key_of(tenant, "123"), "tenant-a/123");
  EXPECT_EQ(key_of(tenant, ""), "tenant-a");
  EXPECT_EQ(tenant_of_key("tenant-a/12/3"), "tenant-a");
  EXPECT_EQ(subject_of_key("tenant-a/12/3"), "12/3");
  EXPECT_EQ(tenant_of_key("tenant-a"), "tenant-a");
  EXPECT_EQ(subject_of_key("tenant-a"), "");
  EXPECT_EQ(tenant_of_key(""), "");
  EXPECT_EQ(subject_of_key(""), "");
  EXPECT_EQ(subject_of_key("tenant-a/"), "");
  EXPECT_EQ(tenant_of_key("/123"), "") << "another producer's";
}

// One that is no version is an extension; it came back in front of the others, or not at all.
TEST(EventRecord, ASequenceThatIsTextKeepsItsPlaceAmongTheExtensions) {
  for (const char* sequence : {"first", "00017", ""}) {
    const Headers extensions{{"a", "1"}, {"sequence", sequence}, {"z", "2"}};
    Record record{"analytics.events",
                  "acme/u",
                  R"({"user_id":"u"})",
                  {{"ce_specversion", "1.0"},
                   {"ce_id", "e"},
                   {"ce_type", "analytics.recorded"},
                   {"ce_source", "/s"},
                   {"ce_tenantid", "acme"}}};
    for (const auto& [name, value] : extensions) record.headers.emplace_back("ce_" + name, value);
    const auto event = from_record(
        {{record.topic, 0, 0}, Timestamp::max(), record.key, record.value, record.headers});
    ASSERT_TRUE(event) << event.error().message;
    EXPECT_EQ(event->extensions, extensions);
  }
}

TEST(EventRecord, ReadsBackWhatItWrote) {
  const auto event = user_created();
  const auto read = from_record(stored(to_record(event)));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->id, event.id);
  EXPECT_EQ(read->type, event.type);
  EXPECT_EQ(read->source, event.source);
  EXPECT_EQ(read->time, event.time);
  EXPECT_EQ(read->tenant, event.tenant);
  EXPECT_EQ(read->subject, event.subject);
  EXPECT_EQ(read->sequence, event.sequence);
  EXPECT_EQ(read->content_type, event.content_type);
  EXPECT_EQ(read->traceparent, event.traceparent);
  EXPECT_EQ(read->data, event.data);
  EXPECT_EQ(read->extensions, event.extensions);
}

TEST(EventRecord, DeadLetterHeadersAreNoPartOfTheEvent) {
  auto record = stored(to_record(user_created()));
  record.headers.emplace_back(dead_letter::kCause, "no such thing");
  const auto read = from_record(record);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->extensions, user_created().extensions);
}

TEST(EventRecord, OptionalAttributesOfOtherProducersHaveDefaults) {
  auto record = stored(to_record(user_created()));
  for (const char* name : {"ce_time", "ce_sequence", "ce_tenantid"}) {
    record = without_header(record, name);
  }
  const auto read = from_record(record);
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->time, record.time);
  EXPECT_EQ(read->sequence, record.position.offset + 1);
  EXPECT_EQ(read->tenant, kTenant);  // from the value
}

TEST(EventRecord, MalformedAttributesAreUnprocessable) {
  const auto good = stored(to_record(user_created()));
  ASSERT_TRUE(from_record(good));
  expect_unprocessable(with_header(good, "ce_time", "yesterday"));
  expect_unprocessable(with_header(good, "ce_sequence", "-1"));
  expect_unprocessable(with_header(good, "ce_sequence", "many"));
  expect_unprocessable(with_header(good, "ce_tenantid", "Not A Tenant"));
  expect_unprocessable(with_header(good, "ce_specversion", "0.3"));
  expect_unprocessable(without_header(good, "ce_specversion"));
  expect_unprocessable(without_header(good, "ce_id"));
  expect_unprocessable(without_header(good, "ce_type"));
}

TEST(EventRecord, ATombstoneOfAnEntityTopicIsUnprocessable) {
  auto record = stored(to_record(user_created()));
  EXPECT_FALSE(is_tombstone(record));
  record.value.reset();
  EXPECT_TRUE(is_tombstone(record));
  expect_unprocessable(record);
  record.headers.clear();
  expect_unprocessable(record);
}

TEST(EventRecord, AnActivityEventMayHaveNoData) {
  auto event = user_created();
  event.type = "order.closed";
  event.data.clear();
  const auto record = to_record(event);
  EXPECT_EQ(record.value, std::nullopt);
  const auto read = from_record(stored(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->data, "");
}

// Nanoseconds and offsets were cut and converted.
TEST(EventRecord, TimeIsTheTextThatCameIn) {
  auto event = user_created();
  event.time_text = "2026-11-21T10:32:00.123456789+02:00";
  const auto record = to_record(event);
  EXPECT_EQ(find_header(record.headers, "ce_time"), event.time_text);
  const auto read = from_record(stored(record));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->time_text, event.time_text);
  EXPECT_EQ(read->time, kTime) << "what compares, parses it";
}

TEST(EventRecord, WhatClaimsToComeFromTheFutureHappenedWhenTheLogTookIt) {
  auto event = user_created();
  event.time_text = "9999-12-31T23:59:59Z";
  const auto record = stored(to_record(event));
  const auto read = from_record(record);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->time, record.time);
  EXPECT_EQ(read->time_text, event.time_text);
  event.time_text = "0001-01-01T00:00:00Z";
  EXPECT_EQ(from_record(stored(to_record(event)))->time, parse_rfc3339(event.time_text).value());
}

TEST(EventRecord, TraceStateGoesAlong) {
  auto event = user_created();
  event.tracestate = "vendor=1,other=2";
  const auto read = from_record(stored(to_record(event)));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->tracestate, "vendor=1,other=2");
}

// A client's sequence may be any text; it became a number or a refusal.
TEST(EventRecord, ASequenceThatIsNoVersionStaysAnAttribute) {
  auto event = user_created();
  event.type = "order.closed";
  event.sequence = 0;
  for (const char* text : {"00017", "0", "-1", "b"}) {
    event.extensions = {{"sequence", text}};
    const auto read = from_record(stored(to_record(event)));
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->sequence, 0);
    EXPECT_EQ(read->extensions, event.extensions);
  }
}

TEST(EventRecord, WithoutDataOrContentTypeThereIsNoHeaderOfIt) {
  auto event = user_created();
  event.type = "order.closed";
  event.content_type.clear();
  event.data.clear();
  const auto record = to_record(event);
  EXPECT_EQ(find_header(record.headers, "content-type"), "");
  EXPECT_EQ(from_record(stored(record))->content_type, "");
}

TEST(ForeignRecord, OfAnActivityHappenedWhenItsDataSays) {
  const auto event = from_record(foreign(
      "analytics.events",
      R"({"tenantId":"tenant-a","user_id":"u","timestamp":"2019-03-01T00:00:00.5+01:00"})"));
  ASSERT_TRUE(event);
  EXPECT_EQ(event->time, parse_rfc3339("2019-02-28T23:00:00.500Z").value());
  EXPECT_EQ(event->time_text, "2019-03-01T00:00:00.5+01:00");
  EXPECT_EQ(
      from_record(foreign("analytics.events", R"({"tenantId":"tenant-a","timestamp":"yesterday"})"))
          ->time,
      kTime);
}

TEST(IsJsonContent, GoesByTheMediaTypeAlone) {
  for (const char* type : {"application/json", "Application/JSON; charset=utf-8", "text/json",
                           "application/vnd.x+json ; v=1"}) {
    EXPECT_TRUE(is_json_content(type)) << type;
  }
  for (const char* type : {"", "text/plain", "application/jsonl", "application/xml", "json"}) {
    EXPECT_FALSE(is_json_content(type)) << type;
  }
}

TEST(ForeignRecord, IsAcceptedWhenItsValueNamesTheTenant) {
  const auto read = from_record(foreign("user.events", kUser));
  ASSERT_TRUE(read) << read.error().to_string();
  EXPECT_EQ(read->type, "user.created");
  EXPECT_EQ(read->tenant, kTenant);
  EXPECT_EQ(read->subject, "123");
  EXPECT_EQ(read->sequence, 18);
  EXPECT_EQ(read->time, kTime);
  EXPECT_EQ(read->data, kUser);
  EXPECT_EQ(read->content_type, "application/json");
}

TEST(ForeignRecord, ReadTwiceIsTheSameEventAndElsewhereAnother) {
  const auto record = foreign("user.events", kUser);
  EXPECT_EQ(from_record(record)->id, from_record(record)->id);
  auto other = record;
  ++other.position.offset;
  EXPECT_NE(from_record(record)->id, from_record(other)->id);
}

TEST(ForeignRecord, TypeFollowsFromTheTopic) {
  const std::string value = R"({"tenant_id":"t","user_id":"u","molecule_id":"m"})";
  EXPECT_EQ(from_record(foreign("analytics.events", value))->type, "analytics.recorded");
  EXPECT_EQ(from_record(foreign("analytics.events", value))->subject, "u");
  EXPECT_EQ(from_record(foreign("analytics.events", value))->sequence, 0);
  EXPECT_EQ(from_record(foreign("chemical.events", value))->type, "chemical.recorded");
  EXPECT_EQ(from_record(foreign("chemical.events", value))->subject, "m");
  const auto order = from_record(foreign("order.events", value, "t/o-1"));
  EXPECT_EQ(order->type, "order.recorded");
  EXPECT_EQ(order->subject, "o-1");
}

TEST(ForeignRecord, WithoutATenantItIsUnprocessable) {
  for (const char* value : {"", "not json", "[]", "7", "{}", R"({"tenantId":7})",
                            R"({"tenantId":"Not A Tenant"})", R"({"tenantId":""})"}) {
    expect_unprocessable(foreign("user.events", value));
  }
}

TEST(ForeignRecord, OfTwoSpellingsOfTheTenantTheOwnOneCounts) {
  const auto read = from_record(foreign("user.events", R"({"tenant_id":"b","tenantId":"a"})"));
  EXPECT_EQ(read->tenant.str(), "a");
}

TEST(FindHeader, GivesTheFirstOfThatNameOrNothing) {
  const Headers headers{{"a", "1"}, {"b", ""}, {"a", "2"}};
  EXPECT_EQ(find_header(headers, "a"), "1");
  EXPECT_EQ(find_header(headers, "A"), "");
  EXPECT_EQ(find_header(headers, "c"), "");
}

}  // namespace
}  // namespace mesh
