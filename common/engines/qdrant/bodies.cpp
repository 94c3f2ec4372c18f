#include "common/engines/qdrant/bodies.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "common/base/ids.h"
#include "common/engines/qdrant/answers.h"

namespace mesh::qdrant {
namespace {

constexpr const char* kNamespace = "b64ee3be-1dc6-5d1b-9d0c-6f3a7d8f3f6e";  // of points, for ever
constexpr double kBelow = 1e-5;

}  // namespace

std::string point_id_of(const TenantId& tenant, const std::string& rest) {
  const std::string name = tenant.str();
  return uuid_v5(kNamespace, std::to_string(name.size()) + ":" + name + ":" + rest);
}

std::int64_t millis(Timestamp time) { return time.time_since_epoch().count(); }

void append_vector(std::string& out, std::span<const float> vector) {
  out += '[';
  for (const float value : vector) {
    if (out.back() != '[') out += ',';
    char text[32];
    const auto end = std::to_chars(text, std::end(text), value).ptr;
    out.append(text, end);
  }
  out += ']';
}

Json equals(const char* key, const std::string& value) {
  return {{"key", key}, {"match", {{"value", value}}}};
}
Json in_range(const char* key, const char* bound, std::int64_t value) {
  return {{"key", key}, {"range", {{bound, value}}}};
}
Json of_tenant(const TenantId& tenant) { return equals("tenantId", tenant.str()); }

std::string index_of(const char* field, Json schema, bool links, int minor_version) {
  const bool can_say_so = minor_version >= 17;
  if (can_say_so && !links) schema["enable_hnsw"] = false;
  return dump({{"field_name", field}, {"field_schema", std::move(schema)}});
}

double factor_of(std::span<const float> vector) {
  double sum = 0;
  for (const float value : vector) sum += static_cast<double>(value) * value;
  return sum > 0 ? std::sqrt(sum) : 1;
}

double threshold_of(std::span<const float> vector, float min_score) {
  // Cosines are within it, which a threshold for a very short vector need not be.
  return std::clamp(min_score / factor_of(vector) - kBelow, -2.0, 2.0);
}

Status check_vector(std::span<const float> vector, int dimension) {
  if (vector.size() != static_cast<std::size_t>(dimension)) {
    return fail(ErrorKind::invalid, "the vector has dimension " + std::to_string(vector.size()) +
                                        ", the index has " + std::to_string(dimension));
  }
  if (!std::ranges::all_of(vector, [](float value) { return std::isfinite(value); })) {
    return fail(ErrorKind::invalid, "the vector has a component that is not a finite number");
  }
  return {};
}

Status check_query(const GenerationSpec& spec, const std::string& generation,
                   const QueryVector& query) {
  if (spec.embedder != query.embedder) {
    return other_embedder(generation, spec.embedder, query.embedder);
  }
  return check_vector(query.values, spec.dimension);
}

tl::unexpected<Error> foreign_point(const Json& point) {
  return fail(ErrorKind::corrupt,
              "the Qdrant collection of the index holds a point that no mesh has written: look who "
              "else writes to it (qdrant.url), and rebuild the index",
              dump(point).substr(0, 500));
}

const Json& in_payload(const Json& point, const char* name) {
  return member(member(point, "payload"), name);
}

const Json& points_of(const Json& result) {
  static const Json kNone = Json::array();
  return result.is_object() && result.contains("points") && result["points"].is_array()
             ? result["points"]
             : kNone;
}

std::string next_page_of(const Json& result) {
  const auto& next = member(result, "next_page_offset");
  return next.is_string() ? next.get<std::string>() : std::string();
}

}  // namespace mesh::qdrant
