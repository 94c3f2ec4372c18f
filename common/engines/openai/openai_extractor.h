// The PropertyExtractor that asks a language model behind OpenAI's API, one question per event,
// some at a time.
//
// Of the event the model sees molecule_id and data, and answers in a JSON schema. Of that becomes
//   {"method":"openai:<model>","strategy":"model","model":…,"version":…,"formula":…,
//    "molecular_weight":…,"composition":{"C":9,…},"atom_count":…,"element_count":…,
//    "degree_of_unsaturation":…,"charge":…,"confidence":…,"note":…}
// with what computed::make_extractor means by these names; what the model does not know is left
// out, the counts are ours, of its composition. What was answered once is kept for the tenant's
// experiments with the same data, so that a replay, or a batch that an outage cut short, asks for
// what is new.
//
// An answer that is cut off or does not fit the schema is shown to the model once, with what is
// wrong with it. Where the next is no better, or the tenant's budget is used up, the stand-in
// answers: {"method":"computed","strategy":"fallback",…}, with why in the note. That is not kept: a
// replay asks again. An outage is waited for, since it ends.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/engines/openai/model_options.h"
#include "common/ports/property_extractor.h"

namespace mesh::openai {

struct ExtractorOptions : ModelOptions {
  // Of one answer. Fewer cut answers off, which are then asked for twice and are no good; more let
  // a model that goes round in circles do so for longer.
  int max_answer_tokens = 2'000;
  std::string prompt;                        // with kExperiment once; empty: kDefaultPrompt
  std::string cache_path;                    // a file of its own; empty: in memory, some megabytes
  std::uint64_t cache_bytes = 256ull << 20;  // of the file, about
  // Computes what is beyond a budget; null: that is `rate_limited`.
  std::shared_ptr<PropertyExtractor> stand_in;
  // Of what the model cannot tell, too; else that is an error.
  bool stands_in_for_bad_answers = true;
  enum class Why { budget, answer };
  // Each time that it stood in. Any thread; must not block; may be empty.
  std::function<void(Why)> on_stand_in;
};

// extract() blocks for a time-out and more, with up to max_in_flight threads of its own meanwhile;
// after a minute it begins with no further event, and those are `unavailable` for a second: what
// has its answer by then is not asked again.
// `unavailable`, once for all that were not asked by then, as of an OpenAiEmbedder. Where nothing
// stands in for bad answers, `unprocessable` where the server refuses the event, or two answers are
// no good, and a plain event gets a good one. `internal` where the server fails at the event so,
// takes too long, or gives no answer of the API (403, a proxy's page in HTML).
class OpenAiExtractor : public PropertyExtractor {
 public:
  // Why the last request failed, or that the last answers were no good one after another; nothing
  // where there is nothing to do. Any thread; does not block.
  virtual std::optional<Error> trouble() const = 0;
};

// Asks nothing before the first extract(). `clock` must outlive the extractor.
std::unique_ptr<OpenAiExtractor> make_extractor(ExtractorOptions options, Clock& clock);

}  // namespace mesh::openai
