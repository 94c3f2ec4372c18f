// The encoder of BERT (J. Devlin et al., 2018, arXiv:1810.04805), forward and for inputs of three
// tokens alone: what the distillation of a static model asks of a sentence transformer.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "common/base/error.h"

namespace mesh::models {

// Any thread. Holds the layers' weights as floats; rows of the vocabulary are read from the mapped
// file when they are asked for.
class Bert {
 public:
  // Reads config.json and model.safetensors of a folder as sentence-transformers has it; the names
  // of its tensors may begin with "bert.". `not_found` where a file is missing, `unprocessable` for
  // an architecture, activation or position embedding that is not BERT's, by name, `invalid` for
  // files that contradict themselves or each other. Blocks for the time of reading.
  static Result<std::shared_ptr<const Bert>> open(const std::string& folder);
  virtual ~Bert() = default;

  virtual int hidden_size() const = 0;
  virtual std::int64_t vocabulary() const = 0;  // ids are below it

  // The last layer's vector at the position of `token` in the input [first token last], for each
  // token: `out` has tokens.size() × hidden_size() elements, a row a token. Many tokens at once
  // are faster; the same ones have the same bits. Takes three rows of activations a token, some
  // 50 KiB for a hidden size of 384, while it runs.
  // `invalid` for an id beyond the vocabulary.
  virtual Status encode_singly(std::int32_t first, std::int32_t last,
                               std::span<const std::int32_t> tokens,
                               std::span<float> out) const = 0;
};

}  // namespace mesh::models
