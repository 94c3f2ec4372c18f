// Finds the route of a request: literal segments before parameters.
// cpp-httplib tries its patterns one by one, and does not know which methods a path has.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/base/error.h"
#include "common/http/route.h"

namespace mesh::http {

// Built once, then read by any thread. Patterns without parameters are found by one hash of the
// path as sent; the others by walking a tree of segments, each percent-decoded first, so that an
// encoded '/' stays inside its segment. The most literal pattern of a path decides about its
// methods: beside "/users/create", "/users/{id}" is not asked for "create".
class Router {
 public:
  struct Match {
    const Route* route = nullptr;
    std::vector<std::pair<std::string, std::string>> params;
    // Where no route has the method: those that the path has ("GET, HEAD, OPTIONS"), or empty
    // where the path is unknown.
    std::string allow;
  };

  // `route` must outlive the router. `internal` for a malformed pattern and for a second route of
  // the same method and shape.
  Status add(const Route& route);
  // `path` as sent, without the query. HEAD finds the GET route.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Leaf {
    std::vector<const Route*> routes;
    const Route* pick(std::string_view method) const;
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
    std::unique_ptr<Node> parameter;
    Leaf leaf;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  struct Walk;
  bool walk(const Node& node, std::size_t depth, Walk& state) const;

  Node root_;
  std::unordered_map<std::string, const Leaf*, Hash, std::equal_to<>> literal_paths_;
};

}  // namespace mesh::http
