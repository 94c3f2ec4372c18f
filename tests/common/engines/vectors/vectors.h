// Random vectors and the plain arithmetic that the engine is compared with.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace mesh::test {

using Random = std::mt19937_64;

inline std::vector<float> random_unit(Random& random, int dimension) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(static_cast<std::size_t>(dimension));
  double sum = 0;
  for (auto& v : vector) {
    v = normal(random);
    sum += v * v;
  }
  for (auto& v : vector) v = static_cast<float>(v / std::sqrt(sum));
  return vector;
}

// Unit vectors around `clusters` centres: `spread` 0 is the centre itself, 1 as far from it as it
// is long.
class ClusteredVectors {
 public:
  ClusteredVectors(std::uint64_t seed, int dimension, int clusters, float spread)
      : random_(seed), dimension_(dimension), spread_(spread) {
    for (int i = 0; i < clusters; ++i) centres_.push_back(random_unit(random_, dimension));
  }
  std::vector<float> next() {
    auto vector = random_unit(random_, dimension_);
    const auto& centre = centres_[random_() % centres_.size()];
    double sum = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      vector[i] = centre[i] + spread_ * vector[i];
      sum += vector[i] * vector[i];
    }
    for (auto& v : vector) v = static_cast<float>(v / std::sqrt(sum));
    return vector;
  }

 private:
  Random random_;
  const int dimension_;
  const float spread_;
  std::vector<std::vector<float>> centres_;
};

inline double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace mesh::test
