// The texts of /chat/completions: what a model is asked of an experiment, and what is made of its
// answer.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/domain/activity.h"

namespace mesh::openai {

// Where a prompt has the experiment, once.
inline constexpr std::string_view kExperiment = "{experiment}";
// The prompt where the configuration has none.
extern const std::string_view kDefaultPrompt;

// What servers differ in.
struct ChatDialect {
  bool temperature = true;         // else it is left out: some models have one only
  bool completion_tokens = false;  // "max_completion_tokens" in place of "max_tokens"
  bool operator==(const ChatDialect&) const = default;
};

// An answer that was no good.
struct BadAnswer {
  std::string why;                // "was cut off"; of what was answered it quotes nothing
  std::string in_full;            // likewise, and with the model's own words; for the model
  std::optional<std::string> is;  // what the model said, where it said something
};

// What stands before the experiment's place in the prompt is the system's message, the rest with
// the experiment the user's: what an experiment says is never the system's word. Of the event:
// molecule_id and data, no researcher and no tenant. `repairs`: behind it, the model's own bad
// answer and what was wrong with it; where it said nothing, it is asked as at first.
Json properties_request(const std::string& model, std::string_view prompt,
                        const ChemicalEvent& event, int max_tokens, const ChatDialect& dialect,
                        const BadAnswer* repairs = nullptr);

// Names prompt and schema: twelve hexadecimal digits.
std::string version_of(std::string_view prompt);

// Who made properties.
struct Origin {
  std::string model;
  std::string version;  // version_of the prompt
};

// The properties out of a whole answer, or why there are none. An answer fits the schema that was
// asked for, with all its members, and says what may be: bounds, and elements that exist.
tl::expected<Json, BadAnswer> read_properties(const Json& answer, const Origin& origin);

}  // namespace mesh::openai
