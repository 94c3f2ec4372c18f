// The Embedder that asks a model behind OpenAI's API: OpenAI's own, vLLM, llama.cpp's server, …
//
// A text is paid for once per tenant: its vector is kept by a hash of tenant, model and text, so a
// replay or a rebuild asks for what is new. A batch that the server refuses is asked in halves
// until the text stands alone that it does not take; what was embedded by then is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/engines/openai/model_options.h"
#include "common/ports/embedder.h"

namespace mesh::openai {

struct EmbedderOptions : ModelOptions {
  // Of the vectors. A model whose own is another is asked for this one ("dimensions"), which some
  // models can; no configuration says which, the first answer does.
  int dimension = 384;
  // Texts per request, fewer while the server takes less, and their bytes; a longer text goes
  // alone.
  int max_batch = 256;
  std::size_t max_batch_bytes = 256 << 10;
  std::string cache_path;                  // a file; empty: in memory, a few megabytes
  std::uint64_t cache_bytes = 1ull << 30;  // of the file, about
};

// embed() blocks for the patience and a time-out per request, of which it makes one after another.
// `unavailable`, often with the time to come again, also for what an operator puts right: a wrong
// key, model, address or dimension; the message names the key of the configuration.
// `unprocessable` only for a text that is refused where a plain one is taken, `internal` for one at
// which the server fails so.
class OpenAiEmbedder : public Embedder {
 public:
  // Why the last request failed; nothing where it did not. Any thread; does not block.
  virtual std::optional<Error> trouble() const = 0;
};

// Asks nothing before the first embed(). `clock` must outlive the embedder. Its id is
// "openai:<model>/<dimension>".
std::unique_ptr<OpenAiEmbedder> make_embedder(EmbedderOptions options, Clock& clock);

}  // namespace mesh::openai
