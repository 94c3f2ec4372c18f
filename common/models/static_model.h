// Static embedding models: a vector per token, and a text's vector is the mean of its tokens'.
//
// A folder as Model2Vec 0.10 writes it: model.safetensors with `embeddings` [rows × dimension], or
// `embedding.weight`, of F32, F16, BF16, F64 or I8; optionally `mapping` [tokens] (the row of a
// token's id) and `weights` [tokens] (by the token's id); tokenizer.json; config.json, of which
// `normalize` and `max_length` count. The vector of a text: its first `max_length` tokens (512
// unless the configuration says else; before that it is cut to max_length × the median length of a
// token, in characters), without unknown ones; the mean of embeddings[mapping[id]] * weights[id];
// and with `normalize` divided by its length + 1e-32. A text without tokens has the zero vector.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace mesh::models {

struct StaticModelInfo {
  // SHA-256 over model.safetensors, tokenizer.json and config.json, one behind the other, in hex.
  std::string hash;
  std::int64_t tokens = 0;
  std::int64_t rows = 0;
  int dimension = 0;
  std::string dtype;
  bool weights = false, mapping = false, normalize = false;
  std::int64_t max_length = 512;  // tokens; 0: no bound
  std::uint64_t bytes = 0;        // of the three files
};

inline constexpr std::string_view kStaticId = "static:";
// The id of an embedder that is this model: "static:<the first 16 digits of the hash>/<dimension>".
std::string embedder_id(const StaticModelInfo& info);

// Mapped into memory: a folder in use is replaced and not edited, since bytes that another program
// changes are read as they come, and a file that is cut ends the process. Any thread.
class StaticModel {
 public:
  virtual ~StaticModel() = default;
  virtual const StaticModelInfo& info() const = 0;
  // The text's vector as the folder's configuration makes it. `out` has dimension elements.
  // Computes for some tenths of a microsecond a word; neither fails nor blocks.
  virtual void embed(std::string_view text, std::span<float> out) const = 0;
  // The same at length 1, whatever the configuration says of `normalize`; zero stays zero.
  virtual void embed_unit(std::string_view text, std::span<float> out) const = 0;
  // How many words the text has, of what embed() reads of it, and how many of them are a token each
  // and not pieces ("ber", "##lni") or unknown. What begins with neither a letter nor a digit is no
  // word. Costs what embed() does.
  struct Words {
    std::size_t all = 0, known = 0;
  };
  virtual Words count_words(std::string_view text) const = 0;
};

// `not_found` where a file is missing, `unprocessable` for what this program does not read, by
// name, `invalid` for files that contradict themselves or each other. Each message names the file.
Result<std::shared_ptr<const StaticModel>> open_static_model(const std::string& folder);

}  // namespace mesh::models
