// A sentence transformer of two layers and twenty tokens, whose numbers follow from their names.
#pragma once

#include <string>
#include <vector>

#include "common/base/json.h"

namespace mesh::test {

class TinyBert {
 public:
  static constexpr int kHidden = 8, kHeads = 2, kLayers = 2, kInner = 16;
  static constexpr double kEpsilon = 1e-12;
  static const std::vector<std::string>& vocabulary();
  static int id_of(const std::string& token);

  // What the folder gets; a test may change them before write().
  std::string prefix;         // of the tensors' names: "" or "bert."
  std::string dtype = "F32";  // or F16
  Json config, tokenizer;
  std::string without;  // the name of a tensor that is left out
  TinyBert();
  void write(const std::string& folder) const;

  // The last layer's vector at the middle of [CLS] token [SEP], by loops over doubles.
  static std::vector<double> encode(const std::string& token);
};

}  // namespace mesh::test
