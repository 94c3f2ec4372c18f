// The keys of the configuration file, each described once: loading, checking, printing and the
// JSON schema are loops over this table.
// A validator of JSON schemas, such as valijson, knows no sizes and durations, expands no variables
// and does not tell which key was meant.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/config/config.h"
#include "common/config/yaml.h"

namespace mesh::config {

// What is wrong with a file, a line each: "http.max_body: \"12 bananas\" is not a size; …".
class Problems {
 public:
  void add(std::string_view path, std::string_view what);
  bool empty() const { return count_ == 0; }
  // ok, or `invalid` with all lines (at most 50).
  Status status() const;

 private:
  std::string lines_;
  int count_ = 0;
};

struct Key {
  std::string path;  // "http.max_body"
  std::string doc;   // a sentence or two; a line break where it is long
  Json schema;       // JSON Schema of the value, without description and default
  // Takes an expanded value into the configuration, or tells why not.
  std::function<void(Config&, const Value&, Problems&)> read;
  // The value as printed, secrets masked.
  std::function<Json(const Config&)> show;
  // The bounds of the value on its own.
  std::function<void(const Config&, Problems&)> check;
  // Whether both configurations have the same value, as it is and not as it is shown.
  std::function<bool(const Config&, const Config&)> same;
  // Gives `to` the value of `from`, where it differs.
  std::function<void(Config& to, const Config& from)> copy;
};

struct Group {
  std::string_view path;  // "http"
  std::string_view doc;
};

// In the order of the printed file; the keys of a group stand together.
const std::vector<Key>& keys();
std::span<const Group> groups();

// What a key has that the file does not name, which depends on auth.mode.
Config defaults_in(const std::string& mode);

// A doc without its line breaks.
std::string one_line(std::string_view doc);

// The path of the likely meant key among those of `group` (""; the top), or what is allowed there:
// "did you mean http.max_body?".
std::string suggest(std::string_view group, std::string_view word);
// The same for a list of words.
std::string suggest(const std::vector<std::string>& allowed, std::string_view prefix,
                    std::string_view word);

// Text in quotes for a message: escaped, cut at 80 bytes.
std::string quote(std::string_view text);

// Reads what the *_file keys name into config.secrets. Blocks on the files. A file that is missing,
// empty, too long or no plain file is a problem; one that everybody may read is logged.
void read_secrets(Config& config, Problems& problems);
// All bounds of single keys; then the rules between keys.
void check_keys(const Config& config, Problems& problems);
void check_rules(const Config& config, Problems& problems);

}  // namespace mesh::config
