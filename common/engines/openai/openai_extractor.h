// The PropertyExtractor that asks a language model behind OpenAI's API, one question per event,
// some at a time.
//
// Of the event the model sees molecule_id and data, and answers in a JSON schema. Of that becomes
//   {"method":"openai:<model>","formula":…,"molecular_weight":…,"composition":{"C":9,…},
//    "atom_count":…,"element_count":…,"degree_of_unsaturation":…,"charge":…,"note":…}
// with what computed::make_extractor means by these names; what the model does not know is left
// out, the counts are ours, of its composition. What was answered once is kept for the tenant's
// experiments with the same data, so that a replay, or a batch that an outage cut short, asks for
// what is new.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/engines/openai/model_options.h"
#include "common/ports/property_extractor.h"

namespace mesh::openai {

struct ExtractorOptions : ModelOptions {
  // Of one answer. Fewer cut answers off, which the event then dies of; more let a model that goes
  // round in circles do so for longer.
  int max_answer_tokens = 2'000;
  std::string cache_path;                    // a file of its own; empty: in memory, some megabytes
  std::uint64_t cache_bytes = 256ull << 20;  // of the file, about
};

// extract() blocks for a time-out and more, with up to max_in_flight threads of its own meanwhile.
// `unavailable`, once for all that were not asked by then, as of an OpenAiEmbedder. `unprocessable`
// where the server refuses the event, or two answers are cut off or do not fit the schema, and a
// plain event gets a good one; `internal` where the server fails at it so, or takes too long.
class OpenAiExtractor : public PropertyExtractor {
 public:
  // Why the last request failed; nothing where it did not. Any thread; does not block.
  virtual std::optional<Error> trouble() const = 0;
};

// Asks nothing before the first extract(). `clock` must outlive the extractor.
std::unique_ptr<OpenAiExtractor> make_extractor(ExtractorOptions options, Clock& clock);

}  // namespace mesh::openai
