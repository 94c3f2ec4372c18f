// What a client's certificate says of its holder, once it has been verified.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"

namespace mesh {

// Names with bytes that are not printable ASCII stand as "", which is nobody's name: they count,
// and match nothing.
struct ClientCertificate {
  std::vector<std::string> uris;          // subjectAltName: spiffe://mesh.example.org/…
  std::vector<std::string> common_names;  // of the subject
  Timestamp not_after{};
};

}  // namespace mesh
