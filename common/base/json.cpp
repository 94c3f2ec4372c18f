#include "common/base/json.h"

#include <algorithm>

#include "common/base/strings.h"

namespace mesh {
namespace {

// Where the value that begins at `p` ends. The text is known to be valid.
const char* skip_value(const char* p) {
  int depth = 0;
  do {
    if (*p == '"') {
      for (++p; *p != '"'; ++p) p += *p == '\\' ? 1 : 0;
      ++p;
    } else if (*p == '{' || *p == '[') {
      ++depth, ++p;
    } else if (*p == '}' || *p == ']') {
      --depth, ++p;
    } else if (depth > 0) {
      ++p;
    } else {
      // Called within an object or an array only, whose bracket ends a number or a word at the
      // latest.
      while (*p != ',' && *p != '}' && *p != ']' && *p != ' ' && *p != '\n' && *p != '\r' &&
             *p != '\t')
        ++p;
    }
  } while (depth > 0);
  return p;
}

const char* skip_space(const char* p) {
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') ++p;
  return p;
}

// Whether a name as it stands in a text, with its quotes, is `name`.
bool spells(std::string_view quoted, std::string_view name) {
  const std::string_view plain = quoted.substr(1, quoted.size() - 2);
  if (plain.find('\\') == plain.npos) return plain == name;
  // A name may be written with escapes, and means the same then.
  const auto read = parse_json(quoted, {1, quoted.size()});
  return read && read->get_ref<const std::string&>() == name;
}

bool has_raw(const Json& value) {
  if (!value.is_structured()) return is_raw(value);
  return std::any_of(value.begin(), value.end(), has_raw);
}

std::string dump_by_library(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

// As the library writes it, and raw values as they are.
void write(const Json& value, int indent, std::size_t level, std::string& out) {
  if (is_raw(value)) {
    out += raw_text(value);
    return;
  }
  // What has no raw value in it is the library's to write, which is quicker. Not with an indent: it
  // would begin again at the left edge.
  if (!value.is_structured() || value.empty() || (indent < 0 && !has_raw(value))) {
    out += dump_by_library(value, -1);
    return;
  }
  const auto break_line = [&](std::size_t depth) {
    if (indent < 0) return;
    out += '\n';
    out.append(depth * static_cast<std::size_t>(indent), ' ');
  };
  const bool object = value.is_object();
  out += object ? '{' : '[';
  for (auto item = value.begin(); item != value.end(); ++item) {
    if (item != value.begin()) out += ',';
    break_line(level + 1);
    if (object) {
      append_quoted(out, item.key());
      out += indent < 0 ? ":" : ": ";
    }
    write(*item, indent, level + 1, out);
  }
  break_line(level);
  out += object ? '}' : ']';
}

}  // namespace

std::string_view member_text(std::string_view object, std::string_view name) {
  if (object.empty()) return {};
  // No end is needed: the text is one that parse_json took, so that each step meets what it looks
  // for.
  const char* p = skip_space(skip_space(without_bom(object).data()) + 1);  // behind the brace
  while (*p == '"') {
    const char* const key_end = skip_value(p);
    const std::string_view key(p, static_cast<std::size_t>(key_end - p));
    const char* const value = skip_space(skip_space(key_end) + 1);  // behind the colon
    const char* const end = skip_value(value);
    if (spells(key, name)) return {value, static_cast<std::size_t>(end - value)};
    p = skip_space(end);
    if (*p != ',') break;
    p = skip_space(p + 1);
  }
  return {};
}

std::vector<std::string_view> element_texts(std::string_view array) {
  std::vector<std::string_view> texts;
  if (array.empty()) return texts;
  const char* p = skip_space(skip_space(without_bom(array).data()) + 1);  // behind the bracket
  while (*p != ']') {
    const char* const end = skip_value(p);
    texts.emplace_back(p, static_cast<std::size_t>(end - p));
    p = skip_space(end);
    if (*p == ',') p = skip_space(p + 1);
  }
  return texts;
}

std::string one_line(std::string_view document) {
  std::string line(document);
  if (line.find_first_of("\r\n") == line.npos) return line;
  bool in_string = false;
  std::size_t length = 0;
  for (std::size_t i = 0; i < document.size(); ++i) {
    const char c = document[i];
    // An escaped quote does not come here: the next line passes over what follows a backslash.
    if (c == '"') in_string = !in_string;
    if (in_string && c == '\\' && i + 1 < document.size()) line[length++] = document[i++];
    const bool space = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (in_string || !space) line[length++] = document[i];
  }
  line.resize(length);
  return line;
}

// Binary values are the library's for formats beside JSON, and stand for nothing else here.
Json raw_json(std::string_view document) {
  const std::string line = one_line(trim(document));
  return Json::binary(Json::binary_t::container_type(line.begin(), line.end()));
}

bool is_raw(const Json& value) { return value.is_binary(); }

std::string_view raw_text(const Json& raw) {
  const auto& bytes = raw.get_binary();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void append_quoted(std::string& out, std::string_view text) {
  bool plain = true;
  // No branch in the loop, so that the compiler looks at many bytes at once. Of a signed char the
  // comparison refuses those beyond ASCII, too.
  for (const char c : text) plain &= c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
  if (!plain) {
    out += dump(Json(text));
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

std::string dump(const Json& value, int indent) {
  if (!has_raw(value)) return dump_by_library(value, indent);
  std::string out;
  write(value, indent, 0, out);
  return out;
}

}  // namespace mesh
