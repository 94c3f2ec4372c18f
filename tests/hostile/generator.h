// Hostile requests: real ones of every described route, changed in every way that ever fooled a
// server. Each is a function of seed and index alone.
//
//   generator.cpp           which request, with which credential and body
//   generator_changes.cpp   what is changed in it
//   generator_wire.cpp      how it is written
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/hostile/random.h"
#include "tests/hostile/tokens.h"
#include "tests/hostile/world.h"

namespace mesh::hostile {

struct Shot {
  std::string role;
  std::string bytes;
  bool counted =
      true;           // exactly one answer comes; else any number, up to the end of the connection
  bool head = false;  // its answer has no body
  bool own = false;   // carries the attacker's own good credential
  std::string story;  // the route and what was done to it
};

// A request that has not been written out yet.
struct Draft {
  std::string method, target, version = "HTTP/1.1";
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string role;
  std::string story;
  bool own = false;
  bool chunked = false;
  bool counted = true;

  void set(const std::string& name, const std::string& value);
  void tell(const std::string& what) { story += ", " + what; }
};

class Generator {
 public:
  Generator(std::vector<DescribedRoute> routes, const World& world, std::uint64_t seed);
  Shot make(std::uint64_t index) const;

 private:
  Draft draft(Random& random) const;
  std::string value_for(const std::string& parameter, Random& random) const;
  void credential(Draft& draft, Random& random) const;
  std::string body_of(const DescribedRoute& route, Draft& draft, Random& random) const;
  std::string event(Random& random) const;

  void change_path(Draft& draft, Random& random) const;
  void change_headers(Draft& draft, Random& random) const;
  void change_body(Draft& draft, Random& random) const;
  std::string write(Draft& draft, Random& random) const;
  void change_framing(Draft& draft, std::string& bytes, Random& random) const;

  const std::vector<DescribedRoute> routes_;
  const std::vector<std::string> known_, tasks_;
  const std::string attacker_token_;
  const std::vector<Forgery> forgeries_;  // for the victim's tenant
  const std::uint64_t seed_;
};

}  // namespace mesh::hostile
