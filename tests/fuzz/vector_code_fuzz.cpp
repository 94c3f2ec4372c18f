// Codes of vectors.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "common/engines/vectors/codes.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh;
  using namespace mesh::fuzz;
  std::vector<float> vector(size / sizeof(float));
  if (vector.empty() || vector.size() > 4096) return 0;
  std::memcpy(vector.data(), data, vector.size() * sizeof(float));
  const int dimension = static_cast<int>(vector.size());
  double sum = 0;
  for (const float v : vector) sum += static_cast<double>(v) * v;

  const auto code = vectors::encode(vector);
  holds(code.has_value() == std::isfinite(sum), "every finite vector has a code, no other");
  const auto query = vectors::Query::make(vector);
  holds(query.has_value() == code.has_value(), "what can be stored can be searched for");
  if (!code) {
    holds(code.error().kind == ErrorKind::invalid, "what is no vector is invalid");
    return 0;
  }
  holds(code->size() == vectors::code_bytes(dimension), "a code has the length of its dimension");
  const auto view = vectors::view_code(*code, dimension);
  holds(std::isfinite(view.scale) && view.scale >= 0, "a scale is a number");
  const double norm = std::sqrt(sum);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const int high = static_cast<unsigned char>(view.high[i]) - 128;
    const int low = static_cast<signed char>(view.low[i]);
    const double unit = norm > 0 ? vector[i] / norm : 0;
    holds(std::abs(view.scale * (256.0 * high + low) - unit) <= view.scale + 1e-7,
          "a component is stored to within a step");
  }
  const float self = query->fine_score(view);
  const double most = std::min(norm, 1.0);
  holds(std::abs(self - most) <= 1e-3 * most + std::numeric_limits<float>::min(),
        "a vector's score with its own code is its length");
  return 0;
}
