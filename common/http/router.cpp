#include "common/http/router.h"

#include <algorithm>
#include <set>

#include "common/base/strings.h"
#include "common/http/syntax.h"

namespace mesh::http {
namespace {

bool is_parameter(std::string_view segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

tl::unexpected<Error> bad_route(const Route& route, std::string_view why) {
  return fail(ErrorKind::internal, "The routes of the server are not valid.",
              route.method + " " + route.pattern + ": " + std::string(why));
}

}  // namespace

const Route* Router::Leaf::pick(std::string_view method) const {
  const Route* get = nullptr;
  for (const Route* route : routes) {
    if (route->method == method) return route;
    // A HEAD route of its own comes first.
    if (route->method == "GET") get = route;
  }
  return method == "HEAD" ? get : nullptr;
}

Status Router::add(const Route& route) {
  if (!is_token(route.method)) return bad_route(route, "the method is not a token");
  if (!route.handler) return bad_route(route, "there is no handler");
  if (!route.pattern.starts_with('/')) return bad_route(route, "the pattern must begin with '/'");

  Node* node = &root_;
  bool literal = true;
  std::set<std::string_view> names;
  const auto segments = split(std::string_view(route.pattern).substr(1), '/');
  for (const auto& segment : segments) {
    std::unique_ptr<Node>* next = nullptr;
    if (is_parameter(segment)) {
      literal = false;
      if (!names.insert(segment).second) return bad_route(route, "a parameter appears twice");
      next = &node->parameter;
    } else {
      // Patterns are compared with decoded segments, so that one with an escape would match
      // nothing.
      if (segment.find_first_of("{}%?#") != std::string::npos) {
        return bad_route(route, "a segment is neither literal nor one {parameter}");
      }
      next = &node->literals[segment];
    }
    if (!*next) *next = std::make_unique<Node>();
    node = next->get();
  }
  for (const Route* other : node->leaf.routes) {
    if (other->method == route.method) {
      return bad_route(route, "it matches the same requests as " + other->pattern);
    }
  }
  node->leaf.routes.push_back(&route);
  // By the pattern as it is, to be compared with paths as sent: an escaped spelling of it takes the
  // tree.
  if (literal) literal_paths_[route.pattern] = &node->leaf;
  return {};
}

struct Router::Walk {
  std::string_view method;
  std::vector<std::string> segments;       // decoded
  std::vector<const std::string*> values;  // of the parameters on the way
  Match match;
  std::set<std::string, std::less<>> methods;  // of the leaf that lacks ours
};

Router::Match Router::find(std::string_view method, std::string_view path) const {
  // Most paths have no parameter: one look-up, and nothing is decoded.
  if (const auto it = literal_paths_.find(path); it != literal_paths_.end()) {
    if (const Route* route = it->second->pick(method)) return {route, {}, {}};
  }
  if (!path.starts_with('/')) return {};

  Walk state;
  state.method = method;
  // Decoded after the split: an escaped slash belongs to its segment.
  for (const auto& segment : split(path.substr(1), '/')) {
    auto decoded = percent_decode(segment);
    if (!decoded) return {};
    state.segments.push_back(std::move(*decoded));
  }
  walk(root_, 0, state);
  if (state.match.route == nullptr && !state.methods.empty()) {
    if (state.methods.contains("GET")) state.methods.insert("HEAD");
    state.methods.insert("OPTIONS");
    for (const auto& known : state.methods) {
      if (!state.match.allow.empty()) state.match.allow += ", ";
      state.match.allow += known;
    }
  }
  return std::move(state.match);
}

// True where the path is known, with or without the method.
bool Router::walk(const Node& node, std::size_t depth, Walk& state) const {
  if (depth == state.segments.size()) {
    const Route* route = node.leaf.pick(state.method);
    if (route == nullptr) {
      for (const Route* other : node.leaf.routes) state.methods.insert(other->method);
      return !node.leaf.routes.empty();
    }
    state.match.route = route;
    std::size_t value = 0;
    for (const auto& segment : split(std::string_view(route->pattern).substr(1), '/')) {
      if (!is_parameter(segment)) continue;
      state.match.params.emplace_back(segment.substr(1, segment.size() - 2),
                                      *state.values[value++]);
    }
    return true;
  }
  const std::string& segment = state.segments[depth];
  if (const auto it = node.literals.find(segment); it != node.literals.end()) {
    // Back to the parameter only where nothing below the literal has the path at all.
    if (walk(*it->second, depth + 1, state)) return true;
  }
  // An empty segment names nothing.
  if (node.parameter && !segment.empty()) {
    state.values.push_back(&segment);
    if (walk(*node.parameter, depth + 1, state)) return true;
    state.values.pop_back();
  }
  return false;
}

}  // namespace mesh::http
