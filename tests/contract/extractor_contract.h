// What every PropertyExtractor must do. An engine instantiates the suite with its factory:
//   INSTANTIATE_TEST_SUITE_P(Computed, ExtractorContract, testing::Values(&make_computed));
#pragma once

#include <gtest/gtest.h>

#include <memory>

#include "common/ports/property_extractor.h"

namespace mesh::test {

using MakeExtractor = std::unique_ptr<PropertyExtractor> (*)();

class ExtractorContract : public testing::TestWithParam<MakeExtractor> {
 protected:
  Result<Json> extract(Json data);

  std::unique_ptr<PropertyExtractor> extractor_ = GetParam()();
};

}  // namespace mesh::test
