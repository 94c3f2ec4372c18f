// The configuration file: read without a crash, refused with a path, printed so that it reads back.
#include "common/base/strings.h"
#include "common/config/config.h"
#include "common/config/yaml.h"
#include "common/yaml/json.h"
#include "tests/fuzz/fuzz.h"

namespace mesh::fuzz {
namespace {

const char* environment(const char* name) {
  const std::string_view wanted = name;
  if (wanted == "HOST") return "127.0.0.1";
  if (wanted == "NASTY") return "a: [b, ${NASTY}]\n# \"";
  return wanted == "EMPTY" ? "" : nullptr;
}

void check_refusal(const Error& error) {
  holds(error.kind == ErrorKind::invalid, "a bad file is invalid");
  holds(!error.message.empty() && is_valid_utf8(error.message), "a refusal is text");
}

void check_config(const std::string& text) {
  const auto config = config::load_text(text, environment);
  if (!config) {
    check_refusal(config.error());
    // "http.max_body: …", "line 3, column 1: …"; the few that concern the whole say so.
    for (const auto& line : split(config.error().message, '\n')) {
      holds(line.find(' ') != line.npos, "each line of a refusal says where and what");
    }
    return;
  }
  holds(config::validate(*config).has_value(), "what loads is valid");
  const auto printed = config::print(*config);
  const auto again = config::load_text(printed, environment);
  // Files may lack what a secret's name stands for.
  holds(again.has_value(), "what is printed loads");
  holds(config::print(*again) == printed, "what is printed reads back as itself");
}

void check_tree(const std::string& text) {
  const auto tree = yaml::parse(text);
  if (!tree) check_refusal(tree.error());
  const auto expanded = config::expand(is_valid_utf8(text) ? text : "", environment);
  if (!expanded) check_refusal(expanded.error());
  const auto json = yaml::to_json(text);
  if (!json) return check_refusal(json.error());
  const auto again = yaml::to_json(yaml::from_json(*json));
  holds(again.has_value() && *again == *json, "a document reads back as it was written");
}

// A text as a value.
void check_text(const std::string& text) {
  if (!is_valid_utf8(text)) return;
  const auto tree = yaml::parse("key: " + config::to_yaml(Json(text)));
  holds(tree && tree->members.size() == 1, "a text is one value");
  holds(config::expand(tree->members[0].value.text, environment) == text,
        "a text reads back as it was written");
  holds(yaml::to_json(yaml::from_json(Json{{"key", text}})) == Json{{"key", text}},
        "a text reads back as it was written");
}

}  // namespace
}  // namespace mesh::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mesh::fuzz;
  const std::string text(text_of(data, size));
  check_config(text);
  check_tree(text);
  check_text(text);
  return 0;
}
