// What every Embedder must do. An engine instantiates the suite with its factory:
//   INSTANTIATE_TEST_SUITE_P(Hashing, EmbedderContract, testing::Values(&make_hashing));
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/ports/embedder.h"

namespace mesh::test {

using MakeEmbedder = std::unique_ptr<Embedder> (*)();

class EmbedderContract : public testing::TestWithParam<MakeEmbedder> {
 protected:
  std::vector<std::vector<float>> embed(const std::vector<std::string>& texts);
  std::vector<float> embed_one(const std::string& text) { return embed({text}).at(0); }

  std::unique_ptr<Embedder> embedder_ = GetParam()();
};

}  // namespace mesh::test
