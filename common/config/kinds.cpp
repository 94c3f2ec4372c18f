#include "common/config/kinds.h"

#include <algorithm>
#include <set>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/config/address.h"
#include "common/domain/tenant.h"

namespace mesh::config {
namespace {

// A scalar that is a variable passes the schema; what it stands for is checked at the start.
constexpr std::string_view kVariable = R"(\$\{.+\})";

Json or_variable(Json schema) {
  return Json{{"anyOf", {std::move(schema), {{"type", "string"}, {"pattern", kVariable}}}}};
}

std::string no_complaint(const auto&) { return {}; }

template <typename T>
std::string range_complaint(const T& value, const T& least, const T& most, auto show) {
  if (value < least) return show(value) + " is below the least, " + show(least);
  if (value > most) return show(value) + " is above the most, " + show(most);
  return {};
}

template <typename T>
Kind<T> number(std::int64_t least, std::int64_t most) {
  const auto show = [](std::int64_t n) { return std::to_string(n); };
  Kind<T> kind;
  kind.schema = or_variable({{"type", "integer"}, {"minimum", least}, {"maximum", most}});
  kind.form = "a whole number from " + show(least) + " to " + show(most);
  kind.parse = [](const Value& value) -> std::optional<T> {
    const auto n = value.kind == Value::Kind::scalar ? parse_int(value.text) : std::nullopt;
    // Beyond T it could wrap around to a number within the bounds.
    return n && std::in_range<T>(*n) ? std::optional(static_cast<T>(*n)) : std::nullopt;
  };
  kind.show = [](const T& n) { return Json(n); };
  kind.check = [=](const T& n) { return range_complaint<std::int64_t>(n, least, most, show); };
  return kind;
}

// `form`: "a number from 0 to 1".
Kind<double> number_up_to(int most, const char* form) {
  Kind<double> kind;
  kind.schema = or_variable({{"type", "number"}, {"minimum", 0}, {"maximum", most}});
  kind.form = form;
  kind.parse = [](const Value& value) {
    return value.kind == Value::Kind::scalar ? parse_double(value.text) : std::nullopt;
  };
  kind.show = [](const double& n) { return Json(n); };
  kind.check = [most, form](const double& n) {
    return n >= 0 && n <= most ? std::string() : dump(Json(n)) + " is not " + form;
  };
  return kind;
}

// Unlike format_size, exact.
std::string show_size(std::uint64_t bytes) {
  static constexpr std::pair<int, const char*> kUnits[] = {{30, "GiB"}, {20, "MiB"}, {10, "KiB"}};
  for (const auto& [shift, unit] : kUnits) {
    if (bytes != 0 && bytes % (1ull << shift) == 0) return std::to_string(bytes >> shift) + unit;
  }
  return std::to_string(bytes);
}

// A string that `check` accepts.
Kind<std::string> checked_text(Json schema, std::string form,
                               std::function<bool(const std::string&)> accepts) {
  Kind<std::string> kind;
  kind.schema = std::move(schema);
  kind.form = form;
  kind.parse = [accepts](const Value& value) -> std::optional<std::string> {
    if (value.kind != Value::Kind::scalar || !accepts(value.text)) return std::nullopt;
    return value.text;
  };
  kind.show = [](const std::string& text) { return Json(text); };
  kind.check = [accepts, form](const std::string& text) {
    return accepts(text) ? std::string() : quote(text) + " is not " + form;
  };
  return kind;
}

std::string alternatives(const std::vector<std::string>& words, std::string_view last) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? std::string(last) : ", ";
    out += words[i];
  }
  return out;
}

std::string without_password(const std::string& url) {
  const auto start = url.find("://");
  if (start == std::string::npos) return url;
  const auto end = std::min(url.find_first_of("/?#", start + 3), url.size());
  // The last one before the path: a password may have an "@" itself.
  const auto at = url.rfind('@', end);
  if (at == std::string::npos || at < start + 3) return url;
  return url.substr(0, start + 3) + "***" + url.substr(at);
}

// Without the spaces around each; nothing where there is nothing but spaces.
std::vector<std::string> comma_separated(const std::string& text) {
  std::vector<std::string> words;
  if (trim(text).empty()) return words;
  for (const auto& word : split(text, ',')) words.emplace_back(trim(word));
  return words;
}

}  // namespace

std::string quote(std::string_view text) {
  constexpr std::size_t kLongest = 80;
  // As JSON, so that line breaks and control characters of a file cannot forge a line of the
  // message.
  if (text.size() <= kLongest) return dump(Json(std::string(text)));
  return dump(Json(std::string(text.substr(0, kLongest)) + "…"));
}

std::string describe(const Value& value) {
  switch (value.kind) {
    case Value::Kind::null:
      return "null";
    case Value::Kind::list:
      return "a list";
    case Value::Kind::mapping:
      return "a mapping";
    case Value::Kind::scalar:
      break;
  }
  return quote(value.text);
}

Kind<int> integer(int least, int most) { return number<int>(least, most); }

Kind<std::int64_t> big_integer(std::int64_t least, std::int64_t most) {
  return number<std::int64_t>(least, most);
}

Kind<double> fraction() { return number_up_to(1, "a number from 0 to 1"); }
Kind<double> amount() { return number_up_to(1'000'000, "a number from 0 to 1000000"); }

Kind<std::uint64_t> size(std::uint64_t least, std::uint64_t most) {
  Kind<std::uint64_t> kind;
  kind.schema = or_variable({{"type", Json::array({"string", "integer"})},
                             {"pattern", R"(^[0-9]+([kKMGT]?B|[KMGT]iB)?$)"}});
  kind.form = "a size; write 4096, 512KiB or 1MiB";
  kind.parse = [](const Value& value) -> std::optional<std::uint64_t> {
    if (value.kind != Value::Kind::scalar) return std::nullopt;
    const auto bytes = parse_size(value.text);
    return bytes ? std::optional(*bytes) : std::nullopt;
  };
  kind.show = [](const std::uint64_t& bytes) { return Json(show_size(bytes)); };
  kind.check = [=](const std::uint64_t& bytes) {
    return range_complaint(bytes, least, most, show_size);
  };
  return kind;
}

Kind<Duration> duration(Duration least, Duration most) {
  Kind<Duration> kind;
  kind.schema = or_variable({{"type", "string"}, {"pattern", "^([0-9]+(ms|s|m|h|d|w))+$"}});
  kind.form = "a duration; write 250ms, 75s or 1h30m";
  kind.parse = [](const Value& value) -> std::optional<Duration> {
    if (value.kind != Value::Kind::scalar) return std::nullopt;
    const auto parsed = parse_duration(value.text);
    return parsed ? std::optional(*parsed) : std::nullopt;
  };
  kind.show = [](const Duration& d) { return Json(format_duration(d)); };
  kind.check = [=](const Duration& d) { return range_complaint(d, least, most, format_duration); };
  return kind;
}

// Only these two words: "no", which YAML 1.1 takes for false, is a text in YAML 1.2.
Kind<bool> flag() {
  Kind<bool> kind;
  kind.schema = or_variable({{"type", "boolean"}});
  kind.form = "true or false";
  kind.parse = [](const Value& value) -> std::optional<bool> {
    if (value.kind != Value::Kind::scalar) return std::nullopt;
    if (value.text == "true") return true;
    if (value.text == "false") return false;
    return std::nullopt;
  };
  kind.show = [](const bool& b) { return Json(b); };
  kind.check = no_complaint<bool>;
  return kind;
}

Kind<std::string> text() {
  return checked_text(
      {{"type", "string"}, {"minLength", 1}}, "a text of one line, not empty",
      [](const std::string& value) { return !value.empty() && is_printable(value); });
}

Kind<std::string> tenant() {
  return checked_text(
      {{"type", "string"}, {"pattern", R"(^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$|\$\{.+\})"}},
      "a tenant id: 1 to 63 of a-z, 0-9 and -, with no - at the ends",
      [](const std::string& value) { return TenantId::parse(value).has_value(); });
}

Kind<std::string> address() {
  return checked_text({{"type", "string"}, {"pattern", R"(^.+:[0-9]{1,5}$|\$\{.+\})"}},
                      "an address; write host:port, as 127.0.0.1:8080, [::1]:8080 or 0.0.0.0:8080",
                      [](const std::string& value) { return parse_address(value).has_value(); });
}

Kind<std::string> url(std::vector<std::string> schemes) {
  const std::string form = "a URL that begins with " + alternatives(schemes, ":// or ") + "://";
  // The format says that a password may be in it, too.
  const Json schema{{"type", "string"},
                    {"format", "uri"},
                    {"pattern", "^(" + join(schemes, "|") + R"()://[^/]|\$\{.+\})"}};
  auto kind = checked_text(schema, form, [schemes](const std::string& value) {
    return is_printable(value) && std::ranges::any_of(schemes, [&](const std::string& scheme) {
             const auto prefix = scheme + "://";
             return value.starts_with(prefix) && value.size() > prefix.size() &&
                    value[prefix.size()] != '/';
           });
  });
  // What is shown may end in a log or a ticket.
  kind.show = [](const std::string& value) { return Json(without_password(value)); };
  return kind;
}

Kind<std::string> choice(std::vector<std::string> words) {
  return checked_text(
      or_variable({{"enum", words}}), "one of " + alternatives(words, " or "),
      [words](const std::string& value) { return std::ranges::find(words, value) != words.end(); });
}

Kind<Secret> secret() {
  Kind<Secret> kind;
  kind.schema = {{"type", "string"}, {"minLength", 1}, {"writeOnly", true}};
  kind.form = "a text";
  kind.parse = [](const Value& value) -> std::optional<Secret> {
    if (value.kind != Value::Kind::scalar || value.text.empty()) return std::nullopt;
    return Secret(value.text);
  };
  // Its length would tell something, too.
  kind.show = [](const Secret&) { return Json("***"); };
  kind.check = no_complaint<Secret>;
  return kind;
}

Kind<std::string> host() {
  return checked_text(
      {{"type", "string"}, {"minLength", 1}}, "a host name, as mesh.example.com, or \"*\" for any",
      [](const std::string& value) {
        // What may be the host of an address. One in brackets is an address, which a Host may hold
        // anyway.
        return value == "*" || (!value.starts_with('[') && parse_address(value + ":0"));
      });
}

Kind<std::string> origin() {
  return checked_text(
      {{"type", "string"}, {"pattern", R"(^https?://[^/]+$|\$\{.+\})"}},
      "an origin; write https://app.example.com or http://localhost:5173, in lower case, "
      "without a path and without the scheme's own port",
      [](const std::string& value) {
        for (const auto& [scheme, port] : {std::pair{"https://", ":443"}, {"http://", ":80"}}) {
          if (!value.starts_with(scheme)) continue;
          const std::string place = value.substr(std::string_view(scheme).size());
          // As browsers write the Origin field, which is compared byte by byte.
          return to_lower(value) == value && !place.ends_with(port) &&
                 (parse_address(place) || parse_address(place + ":0"));
        }
        return false;
      });
}

Kind<std::vector<std::string>> list_of(Kind<std::string> item, std::size_t least) {
  using Words = std::vector<std::string>;
  Kind<Words> kind;
  kind.schema = or_variable(
      {{"type", "array"}, {"items", item.schema}, {"minItems", least}, {"uniqueItems", true}});
  kind.form = "a list; write [" + item.form + ", …]";
  kind.parse = [](const Value& value) -> std::optional<Words> {
    // A variable is one text: commas divide it.
    if (value.expanded) return comma_separated(value.text);
    if (value.kind != Value::Kind::list) return std::nullopt;
    Words words;
    for (const auto& member : value.items) {
      if (member.kind != Value::Kind::scalar) return std::nullopt;
      words.push_back(member.text);
    }
    return words;
  };
  kind.show = [](const Words& words) { return Json(words); };
  kind.check = [item, least](const Words& words) -> std::string {
    if (words.size() < least) return "the list is empty; each entry is " + item.form;
    std::set<std::string> seen;
    for (const auto& word : words) {
      // Entries are judged here, not in parse, so that the message names the entry and not the
      // list.
      if (auto wrong = item.check(word); !wrong.empty()) return wrong;
      if (!seen.insert(word).second) return quote(word) + " appears twice";
    }
    return {};
  };
  return kind;
}

}  // namespace mesh::config
