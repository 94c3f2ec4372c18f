// The two texts of /embeddings: what is sent, and what is made of the answer.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"

namespace mesh::openai {

using Vectors = std::vector<std::vector<float>>;

// {"model","input":[…]} and, where it is not 0, "dimensions". Nothing else, since servers refuse
// members that they do not know.
Json embeddings_request(const std::string& model, std::span<const std::string_view> texts,
                        int dimensions);

// The vectors in the order of the texts, by "index" where the answer has it, else as they stand;
// all of one length, none with a number that is not finite. Numbers or base64 of little-endian
// floats. Otherwise why not: "has 2 vectors for 3 texts".
tl::expected<Vectors, std::string> read_embeddings(const Json& answer, std::size_t texts);

// To length 1, but for the zero vector.
void normalise(std::vector<float>& vector);

}  // namespace mesh::openai
