#include "daemon/services/search_query.h"

#include "common/base/strings.h"
#include "daemon/services/api_parts.h"
#include "daemon/services/common.h"

namespace mesh::services {
namespace {

constexpr NumberRange kMinScore{-1, 1, 0.2};
constexpr NumberRange kRatio{0, 1, 0};  // without a fallback: that is the embedder's

}  // namespace

Result<std::string> optional_query_param(const http::Request& request) {
  std::string query = text_param(request, "query");
  if (query.size() <= kMaxQueryBytes) return query;
  return fail(ErrorKind::invalid, "query parameter query: over 1000 bytes");
}

Result<std::string> query_param(const http::Request& request) {
  auto query = optional_query_param(request);
  if (!query || !trim(*query).empty()) return query;
  return fail(ErrorKind::invalid, "query parameter query: missing or empty; say what to look for");
}

Result<float> min_score_param(const http::Request& request) {
  return static_cast<float>(MESH_TRY(number_param(request, "min_score", kMinScore)));
}

Result<std::optional<double>> semantic_ratio_param(const http::Request& request) {
  if (!request.param("semantic_ratio")) return std::optional<double>();
  return std::optional(MESH_TRY(number_param(request, "semantic_ratio", kRatio)));
}

http::Parameter query_parameter(const char* example) {
  return api::query("query", "What to look for, at most 1000 bytes of UTF-8.",
                    {{"type", "string"},
                     {"minLength", 1},
                     {"maxLength", kMaxQueryBytes},
                     {"pattern", "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$"},
                     {"examples", Json::array({example})}});
}

http::Parameter min_score_parameter(const std::string& of) {
  return api::query("min_score", "The smallest score of " + of + ".", api::number(kMinScore));
}

http::Parameter semantic_ratio_parameter(const std::string& without) {
  return api::query(
      "semantic_ratio",
      "How much of the score is meaning, the rest is letters: 0 finds by letters alone, 1 by "
      "meaning alone. Without it " +
          without + ". 400 where the embedder has one of both only.",
      {{"type", "number"}, {"minimum", kRatio.low}, {"maximum", kRatio.high}});
}

}  // namespace mesh::services
