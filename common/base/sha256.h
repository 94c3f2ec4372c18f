// SHA-256 (FIPS 180-4) of bytes that come in pieces. Of bytes at hand: sha256_hex (strings.h).
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace mesh {

// One thread at a time. The process ends where OpenSSL fails, which is for want of memory.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void add(std::string_view bytes);
  std::string hex();  // lower case; once, at the end

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mesh
