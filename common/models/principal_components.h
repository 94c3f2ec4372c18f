// Principal component analysis: the directions in which rows of numbers differ most
// (I. T. Jolliffe, Principal Component Analysis, 2002, chapter 1).
#pragma once

#include <span>
#include <vector>

#include "common/base/error.h"

namespace mesh::models {

// Rows of `width` numbers each, as their coordinates on the first `dimension` components of their
// covariance, by falling variance; the mean is taken off. The sign of a component is that which
// makes its largest number positive, so the same rows have the same answer. Sums are of doubles.
// `invalid` where a number is not finite. Blocks for width² × rows / 10⁹ seconds or so.
Result<std::vector<float>> project_on_principal_components(std::span<const float> rows, int width,
                                                           int dimension);

}  // namespace mesh::models
