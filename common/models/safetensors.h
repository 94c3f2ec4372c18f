// Files of tensors, as models are handed around: https://huggingface.co/docs/safetensors — eight
// bytes of length (little endian), so much JSON that names dtype, shape and byte range of each
// tensor, then the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"

namespace mesh::models {

struct Tensor {
  std::string dtype;                 // "F32", "F16", "I8", …: as written
  std::vector<std::int64_t> shape;   // its product times the dtype's size is the size of `bytes`
  std::span<const std::byte> bytes;  // as long as the file is open; any alignment
  std::int64_t elements() const;
};

// A file mapped into memory, for reading. Any thread.
class Safetensors {
 public:
  // `invalid` for a file that is none, or that contradicts itself: ranges that overlap, have gaps
  // or lie outside, a size that is not the shape's; `not_found` where there is none.
  static Result<std::shared_ptr<const Safetensors>> open(const std::string& path);
  ~Safetensors();
  Safetensors(const Safetensors&) = delete;
  Safetensors& operator=(const Safetensors&) = delete;

  const std::string& path() const { return path_; }
  const Tensor* find(std::string_view name) const;  // null where there is none
  const std::map<std::string, Tensor, std::less<>>& tensors() const { return tensors_; }
  std::span<const std::byte> file() const { return file_; }

 private:
  Safetensors() = default;
  std::string path_;
  std::span<const std::byte> file_;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

// The elements [from, from + out.size()) of a tensor of F32, F16, BF16, F64 or I8 as floats;
// `invalid` for another dtype.
Status read_floats(const Tensor& tensor, std::int64_t from, std::span<float> out);

struct NewTensor {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};
// Writes the file; whoever reads it sees all of it or none.
Status write_safetensors(const std::string& path, const std::vector<NewTensor>& tensors);

}  // namespace mesh::models
