// What is said of a server with OpenAI's API, whatever is asked of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/domain/tenant.h"

namespace mesh::openai {

struct Tokens {
  std::uint64_t input = 0, output = 0;
  std::uint64_t all() const { return input + output; }
};
// What was paid for a tenant: as the server says, and where it says nothing, one for four bytes.
// From any thread that calls the engine; must not block.
using OnTokens = std::function<void(const TenantId& tenant, const Tokens& tokens)>;

struct ModelOptions {
  std::string base_url = "https://api.openai.com/v1";  // with or without a slash at its end
  std::string api_key;                                 // empty: none is sent
  std::string ca_file;  // PEM, of the authorities that sign an https server; empty: the system's
  std::string model;
  std::string model_setting = "openai.model";  // the key that names it; messages say it
  Duration timeout{30'000};                    // of one request
  // Requests under way at once, at most; fewer while the server answers 429. More is faster with a
  // server that works on many at once.
  int max_in_flight = 8;
  // Requests a minute, evenly spread; 0: as many as the server takes.
  int max_per_minute = 0;
  // For how long a call waits for its turn, also while the server asks for a pause; beyond it the
  // call is `unavailable`, with the rest of the pause. More holds up searches.
  Duration patience{2'000};
  OnTokens on_tokens;  // may be empty
};

}  // namespace mesh::openai
