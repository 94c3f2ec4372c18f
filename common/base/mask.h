// Texts of others that may repeat a secret.
#pragma once

#include <string>
#include <string_view>

namespace mesh {

// `text` with "***" wherever the secret stands in it; an empty secret is none.
inline std::string masked(std::string text, std::string_view secret) {
  if (secret.empty()) return text;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    text.replace(at, secret.size(), "***");
    at += 3;
  }
  return text;
}

}  // namespace mesh
