#include "common/config/yaml.h"

#include <algorithm>
#include <array>

#include "common/base/strings.h"

namespace mesh::config {
namespace {

bool is_name(std::string_view text) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::ranges::all_of(text, is_word);
}

// Words that YAML 1.1 or 1.2 reads as something other than a string.
bool is_reserved(std::string_view text) {
  static constexpr std::array<std::string_view, 8> kWords = {"null", "true", "false", "yes",
                                                             "no",   "on",   "off",   "~"};
  return std::ranges::find(kWords, to_lower(text)) != kWords.end() || parse_double(text);
}

std::string yaml_string(const std::string& text) {
  std::string escaped;
  // Before the quotes: expand works on the scalar's text, whatever quotes stood around it.
  for (const char c : text) escaped += c == '$' ? "$$" : std::string(1, c);
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./-:@+").find(c) != std::string_view::npos;
  };
  const bool plain = !text.empty() && std::ranges::all_of(text, is_plain) && text[0] != '-' &&
                     text[0] != ':' && text[0] != '@' && text.back() != ':' && !is_reserved(text);
  return plain ? escaped : dump(Json(escaped));
}

void note(std::vector<Origin::Variable>& named, const std::string& name, bool taken) {
  const auto known = std::ranges::find(named, name, &Origin::Variable::name);
  if (known == named.end()) {
    named.push_back({name, taken});
  } else {
    known->taken = known->taken || taken;
  }
}

}  // namespace

Result<std::string> expand(std::string_view text, const Environment& env,
                           std::vector<Origin::Variable>* named) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$') {
      out += text[i];
      continue;
    }
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (next == '$') {
      out += '$';
      ++i;
      continue;
    }
    if (next != '{') {
      return fail(ErrorKind::invalid,
                  "a lone $; write ${VAR}, ${VAR:-default}, or $$ for a dollar");
    }
    // The first brace ends it: a default cannot hold one, and variables do not nest.
    const auto end = text.find('}', i);
    if (end == std::string_view::npos) return fail(ErrorKind::invalid, "a ${ without its }");
    const auto inner = text.substr(i + 2, end - i - 2);
    const auto dash = inner.find(":-");
    const std::string name(inner.substr(0, dash));
    if (!is_name(name)) {
      return fail(ErrorKind::invalid, "${" + std::string(inner) + "} does not name a variable");
    }
    const char* found = env(name.c_str());
    const bool has_default = dash != std::string_view::npos;
    const bool taken = found != nullptr && (*found != '\0' || !has_default);
    if (named != nullptr) note(*named, name, taken);
    if (!taken && has_default) {
      out += inner.substr(dash + 2);
    } else if (found != nullptr) {
      out += found;
    } else {
      return fail(ErrorKind::invalid,
                  "the variable " + name + " is not set; set it or write ${" + name + ":-default}");
    }
    i = end;
  }
  return out;
}

std::string to_yaml(const Json& value) {
  if (value.is_string()) return yaml_string(value.get_ref<const std::string&>());
  if (!value.is_structured()) return dump(value);
  std::string out;
  for (const auto& [key, item] : value.items()) {
    if (!out.empty()) out += ", ";
    if (value.is_object()) out += key + ": ";
    out += to_yaml(item);
  }
  return value.is_object() ? "{" + out + "}" : "[" + out + "]";
}

}  // namespace mesh::config
