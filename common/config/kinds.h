// Kinds of configuration values: how each is read, bounded, printed and described.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "common/config/keys.h"

namespace mesh::config {

template <typename T>
struct Kind {
  Json schema;
  std::string form;  // "a size; write 4096, 512KiB or 1MiB": ends the sentence "… is not …"
  std::function<std::optional<T>(const Value&)> parse;  // nothing for another kind; no bounds yet
  std::function<Json(const T&)> show;
  // What is wrong with a value, "" for nothing.
  std::function<std::string(const T&)> check;
};

Kind<int> integer(int least, int most);
Kind<std::int64_t> big_integer(std::int64_t least, std::int64_t most);
Kind<double> fraction();  // 0 … 1
Kind<double> amount();    // of money: 0 … 1,000,000
Kind<std::uint64_t> size(std::uint64_t least, std::uint64_t most);
Kind<Duration> duration(Duration least, Duration most);
Kind<bool> flag();
Kind<std::string> text();                                 // not empty
Kind<std::string> tenant();                               // a tenant id
Kind<std::string> address();                              // host:port
Kind<std::string> url(std::vector<std::string> schemes);  // a password inside prints as ***
Kind<std::string> choice(std::vector<std::string> words);
Kind<Secret> secret();
Kind<std::string> host();    // a host name, or * for any
Kind<std::string> origin();  // scheme://host[:port], as a browser's Origin field has it
// A list of at least `least`, 0 or 1, without duplicates.
Kind<std::vector<std::string>> list_of(Kind<std::string> item, std::size_t least = 1);

// What is shown for a value that is no scalar.
std::string describe(const Value& value);

// The key whose member `get` reaches; an optional member takes null too.
template <typename Get, typename T>
Key make_key(std::string path, Get get, Kind<T> kind, std::string doc) {
  using Target = std::remove_cvref_t<decltype(get(std::declval<Config&>()))>;
  constexpr bool kOptional = std::is_same_v<Target, std::optional<T>>;
  Key key{path, std::move(doc), kind.schema, {}, {}, {}};
  if constexpr (kOptional) key.schema = Json{{"anyOf", {kind.schema, {{"type", "null"}}}}};
  key.read = [=](Config& config, const Value& value, Problems& problems) {
    if constexpr (kOptional) {
      if (value.is_null()) {
        get(config).reset();
        return;
      }
    }
    if (auto parsed = kind.parse(value)) {
      get(config) = *std::move(parsed);
    } else {
      problems.add(path, describe(value) + " is not " + kind.form);
    }
  };
  key.show = [=](const Config& config) -> Json {
    if constexpr (kOptional) {
      const auto& member = get(config);
      return member ? kind.show(*member) : Json(nullptr);
    } else {
      return kind.show(get(config));
    }
  };
  key.same = [=](const Config& a, const Config& b) { return get(a) == get(b); };
  key.copy = [=](Config& to, const Config& from) {
    if (get(to) != get(from)) get(to) = get(from);
  };
  key.check = [=](const Config& config, Problems& problems) {
    std::string wrong;
    if constexpr (kOptional) {
      if (const auto& member = get(config)) wrong = kind.check(*member);
    } else {
      wrong = kind.check(get(config));
    }
    if (!wrong.empty()) problems.add(path, wrong);
  };
  return key;
}

}  // namespace mesh::config
