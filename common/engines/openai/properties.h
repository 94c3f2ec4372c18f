// The texts of /chat/completions: what a model is asked of an experiment, and what is made of its
// answer.
#pragma once

#include <string>

#include "common/base/json.h"
#include "common/domain/activity.h"

namespace mesh::openai {

// What servers differ in.
struct ChatDialect {
  bool temperature = true;         // else it is left out: some models have one only
  bool completion_tokens = false;  // "max_completion_tokens" in place of "max_tokens"
};

// Of the event: molecule_id and data, no researcher and no tenant.
Json properties_request(const std::string& model, const ChemicalEvent& event, int max_tokens,
                        const ChatDialect& dialect);

// The properties out of a whole answer, or why there are none: "was cut off". `method` is what made
// them.
tl::expected<Json, std::string> read_properties(const Json& answer, const std::string& method);

}  // namespace mesh::openai
