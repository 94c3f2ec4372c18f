#include "common/engines/qdrant/event_points.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "common/base/strings.h"
#include "common/engines/qdrant/answers.h"
#include "common/engines/qdrant/bodies.h"
#include "common/engines/qdrant/generations.h"

namespace mesh::qdrant {
namespace {

using Op = Condition::Op;

constexpr std::size_t kMostEvents = 500;                     // of a request
constexpr std::int64_t kMostMillis = std::int64_t{1} << 53;  // what a double counts exactly

std::string shortest(double number) {
  char text[32];
  // 0.0 and -0.0 are equal.
  const auto end = std::to_chars(text, std::end(text), number == 0 ? 0.0 : number).ptr;
  return {text, end};
}

// "7:country=DE", "4:size#10": no two values of different fields or kinds are alike.
std::string value_token(const std::string& field, const FieldValue& value) {
  const std::string begin = std::to_string(field.size()) + ":" + field;
  if (const auto* text = std::get_if<std::string>(&value)) return begin + "=" + *text;
  return begin + "#" + shortest(std::get<double>(value));
}

// A member of "numbers": of the characters that a path may have without quotes, which have no
// escapes for what they must not contain.
std::string number_member(const std::string& field) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string member;
  for (const char c : field) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (plain) {
      member += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    member += '_';
    member += kDigits[byte >> 4];
    member += kDigits[byte & 15];
  }
  return member;
}

const char* bound_of(Op op) {
  switch (op) {
    case Op::less:
      return "lt";
    case Op::at_most:
      return "lte";
    case Op::greater:
      return "gt";
    default:
      return "gte";
  }
}

// Any of the bounds; nothing where there is no number among them.
std::optional<Json> in_ranges(const Condition& condition) {
  Json ranges = Json::array();
  for (const auto& value : condition.values) {
    const auto* number = std::get_if<double>(&value);
    if (number == nullptr) continue;
    ranges.push_back({{"key", "numbers." + number_member(condition.field)},
                      {"range", {{bound_of(condition.op), *number}}}});
  }
  if (ranges.empty()) return std::nullopt;
  if (ranges.size() == 1) return ranges[0];
  return Json{{"should", std::move(ranges)}};
}

Json any_value(const Condition& condition) {
  Json tokens = Json::array();
  for (const auto& value : condition.values) tokens.push_back(value_token(condition.field, value));
  return {{"key", "values"}, {"match", {{"any", std::move(tokens)}}}};
}

double value_of_term(const Term& term, std::uint32_t length) {
  const double count = term.count;
  return count * (kBm25Saturation + 1) /
         (count + kBm25Saturation * (1 - kBm25Length + kBm25Length * length / kAverageLength));
}

// {"indices":[…],"values":[…]}
template <typename ValueOf>
std::string sparse(const Terms& terms, ValueOf value_of) {
  std::string indices;
  std::vector<float> values;
  values.reserve(terms.terms.size());
  for (const auto& term : terms.terms) {
    indices += (indices.empty() ? "" : ",") + std::to_string(term.id);
    values.push_back(static_cast<float>(value_of(term)));
  }
  std::string text = R"({"indices":[)" + indices + R"(],"values":)";
  append_vector(text, values);
  return text + "}";
}

std::string partition_text(const std::string& topic, std::int32_t partition) {
  return topic + "/" + std::to_string(partition);
}

Json payload_of(const EventDocument& document) {
  Json values = Json::array(), numbers = Json::object();
  for (const auto& [field, value] : document.fields) {
    values.push_back(value_token(field, value));
    if (const auto* number = std::get_if<double>(&value)) {
      numbers[number_member(field)].push_back(*number);
    }
  }
  return {{"tenantId", document.tenant.str()},
          {"eventId", document.event_id},
          {"subject", document.subject},
          {"partition", partition_text(document.position.topic, document.position.partition)},
          {"offset", document.position.offset},
          {"time", millis(document.time)},
          {"title", document.title},
          {"fields", to_json(document.fields)},
          {"values", std::move(values)},
          {"numbers", std::move(numbers)}};
}

std::string event_point(const EventDocument& document, const std::string& embedder) {
  std::string text = R"({"id":")" + event_point_id(document.tenant, document.event_id) +
                     R"(","vector":{"meaning":)";
  append_vector(text, document.vectors.find(embedder)->second);
  if (!document.terms.terms.empty()) {
    text += R"(,"words":)" + sparse(document.terms, [&](const Term& term) {
              return value_of_term(term, document.terms.length);
            });
  }
  return text + R"(},"payload":)" + dump(payload_of(document)) + "}";
}

Json shown() {
  return {"tenantId", "eventId", "subject", "partition", "offset", "time", "title", "fields"};
}

// Without a score; nothing where it is none.
std::optional<EventHit> event_of(const Json& point) {
  const auto &id = in_payload(point, "eventId"), &subject = in_payload(point, "subject"),
             &partition = in_payload(point, "partition"), &offset = in_payload(point, "offset"),
             &time = in_payload(point, "time"), &title = in_payload(point, "title");
  if (!id.is_string() || !subject.is_string() || !partition.is_string() ||
      !offset.is_number_integer() || !time.is_number_integer() || !title.is_string()) {
    return std::nullopt;
  }
  const auto text = partition.get<std::string>();
  const auto slash = text.rfind('/');
  const auto number =
      slash == text.npos ? std::nullopt : parse_int(std::string_view(text).substr(slash + 1));
  auto fields = fields_from_json(in_payload(point, "fields"));
  if (!number || !fields) return std::nullopt;
  EventHit hit;
  hit.event_id = id.get<std::string>();
  hit.subject = subject.get<std::string>();
  hit.position = {text.substr(0, slash), static_cast<std::int32_t>(*number),
                  offset.get<std::int64_t>()};
  hit.time = Timestamp{Duration{time.get<std::int64_t>()}};
  hit.title = title.get<std::string>();
  hit.fields = std::move(*fields);
  return hit;
}

}  // namespace

std::string event_point_id(const TenantId& tenant, const std::string& event_id) {
  return point_id_of(tenant, event_id);
}

Json event_collection(const GenerationSpec& spec) {
  Json collection =
      tenants_collection({{"meaning", {{"size", spec.dimension}, {"distance", "Cosine"}}}}, true);
  collection["sparse_vectors"] = {{"words", {{"modifier", "idf"}}}};
  return collection;
}

std::vector<std::string> event_payload_indexes(int minor_version) {
  std::vector<std::string> bodies;
  const auto add = [&](const char* field, Json schema, bool links) {
    bodies.push_back(index_of(field, std::move(schema), links, minor_version));
  };
  add("tenantId", {{"type", "keyword"}, {"is_tenant", true}}, true);
  for (const char* field : {"values", "subject", "partition"}) {
    add(field, {{"type", "keyword"}}, false);
  }
  for (const char* field : {"time", "offset"}) {
    add(field, {{"type", "integer"}, {"lookup", false}, {"range", true}}, false);
  }
  return bodies;
}

std::vector<std::string> event_upserts(std::span<const EventDocument* const> documents,
                                       const std::string& embedder, std::size_t max_bytes) {
  constexpr std::string_view kBegin = R"({"points":[)", kEnd = "]}";
  std::vector<std::string> bodies;
  std::string points;
  std::size_t count = 0;
  const auto send = [&] {
    bodies.push_back(std::string(kBegin) + std::exchange(points, {}) + std::string(kEnd));
    count = 0;
  };
  for (const auto* document : documents) {
    auto text = event_point(*document, embedder);
    const bool full = points.size() + text.size() + 1 + kBegin.size() + kEnd.size() > max_bytes ||
                      count == kMostEvents;
    if (full && count > 0) send();
    if (count++ > 0) points += ',';
    points += text;
  }
  if (count > 0) send();
  return bodies;
}

std::optional<Json> event_filter(const TenantId& tenant, const EventScope& scope) {
  Json must = Json::array({of_tenant(tenant)}), must_not = Json::array();
  const auto time = [&](const char* bound, const std::optional<Timestamp>& value) {
    if (!value) return;
    must.push_back(in_range("time", bound, std::clamp(millis(*value), -kMostMillis, kMostMillis)));
  };
  time("gte", scope.from);
  time("lt", scope.to);
  for (const auto& condition : scope.filter) {
    if (condition.op == Op::unequal) {
      if (!condition.values.empty()) must_not.push_back(any_value(condition));
    } else if (condition.op == Op::equal) {
      if (condition.values.empty()) return std::nullopt;
      must.push_back(any_value(condition));
    } else {
      auto ranges = in_ranges(condition);
      if (!ranges) return std::nullopt;
      must.push_back(std::move(*ranges));
    }
  }
  Json filter{{"must", std::move(must)}};
  if (!must_not.empty()) filter["must_not"] = std::move(must_not);
  return filter;
}

std::string nearest_events(const Json& filter, std::span<const float> vector, int limit,
                           float min_score) {
  const Json rest{{"using", "meaning"},
                  {"filter", filter},
                  {"limit", limit},
                  {"with_payload", shown()},
                  {"params", {{"hnsw_ef", kSearchWidth}}},
                  {"score_threshold", threshold_of(vector, min_score)}};
  std::string text = R"({"query":)";
  append_vector(text, vector);
  return text + "," + dump(rest).substr(1);
}

std::string matching_events(const TenantId& tenant, const Json& filter, const Terms& terms,
                            int limit, bool own_idf) {
  Json rest{{"using", "words"}, {"filter", filter}, {"limit", limit}, {"with_payload", shown()}};
  if (own_idf) {
    rest["params"] = {{"idf", {{"corpus", {{"must", Json::array({of_tenant(tenant)})}}}}}};
  }
  return R"({"query":)" + sparse(terms, [](const Term&) { return 1; }) + "," + dump(rest).substr(1);
}

Result<std::vector<EventHit>> event_hits_of(const Json& result, const TenantId& tenant,
                                            double factor) {
  std::vector<EventHit> hits;
  for (const auto& point : points_of(result)) {
    const auto& score = member(point, "score");
    auto hit = event_of(point);
    if (!hit || in_payload(point, "tenantId") != tenant.str() || !score.is_number()) {
      return foreign_point(point);
    }
    hit->score = static_cast<float>(score.get<double>() * factor);
    hits.push_back(std::move(*hit));
  }
  return hits;
}

Json events_below(const TopicPartition& partition, std::int64_t offset) {
  return {{"must",
           Json::array({equals("partition", partition_text(partition.topic, partition.partition)),
                        in_range("offset", "lt", offset)})}};
}

Json events_of(const TenantId& tenant, std::optional<std::string_view> subject,
               std::optional<Timestamp> before) {
  Json must = Json::array({of_tenant(tenant)});
  if (subject) must.push_back(equals("subject", std::string(*subject)));
  if (before) {
    must.push_back(in_range("time", "lt", std::clamp(millis(*before), -kMostMillis, kMostMillis)));
  }
  return {{"must", std::move(must)}};
}

std::string events_page(const Json& filter, const std::string& from, int limit) {
  Json body{{"filter", filter}, {"limit", limit}, {"with_payload", false}};
  if (!from.empty()) body["offset"] = from;
  return dump(body);
}

std::int64_t events_in(const Json& result) {
  return static_cast<std::int64_t>(points_of(result).size());
}

}  // namespace mesh::qdrant
