// What searches of users, and searches and watches of events, ask alike.
#pragma once

#include <optional>
#include <string>

#include "common/base/error.h"
#include "common/http/route.h"

namespace mesh::services {

inline constexpr std::size_t kMaxQueryBytes = 1'000;

// `invalid` for a text that is too long, and the first also for one that is missing or blank.
Result<std::string> query_param(const http::Request& request);
Result<std::string> optional_query_param(const http::Request& request);
// Below its default a hit shares hardly more than chance with the query.
Result<float> min_score_param(const http::Request& request);
// Of Embedder::embed_query.
Result<std::optional<double>> semantic_ratio_param(const http::Request& request);

// As the API description has them. `of`: of which hits it is the smallest score.
http::Parameter query_parameter(const char* example);
http::Parameter min_score_parameter(const std::string& of);
// `without`: what a search has without it.
http::Parameter semantic_ratio_parameter(const std::string& without);

}  // namespace mesh::services
