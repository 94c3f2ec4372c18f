// Texts for an Embedder, all of one tenant.
#pragma once

#include <string>
#include <vector>

#include "common/ports/embedder.h"

namespace mesh::test {

inline std::vector<TenantText> texts_of_acme(const std::vector<std::string>& texts) {
  static const TenantId acme = TenantId::parse("acme").value();
  std::vector<TenantText> of_acme;
  for (const auto& text : texts) of_acme.push_back({acme, text});
  return of_acme;
}

// The vector of one text. Throws where there is none.
inline std::vector<float> vector_of(Embedder& embedder, const std::string& text) {
  return embedder.embed(texts_of_acme({text})).value().at(0);
}

}  // namespace mesh::test
