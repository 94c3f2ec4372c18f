#include "common/telemetry/log_line.h"

#include <array>

#include "common/base/strings.h"
#include "common/base/time.h"

namespace mesh::log {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"trace", "debug", "info",
                                                    "warn",  "error", "off"};

// Adds `text` in the escapes of JSON, which serve the text format too. What a terminal would obey
// (C0, DEL, and C1 in its UTF-8 form) is escaped; in text that is not UTF-8 each byte beyond
// ASCII becomes U+FFFD, so that a line is always valid.
void append_escaped(std::string& out, std::string_view text, bool quotes) {
  static constexpr char kHex[] = "0123456789abcdef";
  const bool valid = is_valid_utf8(text);
  const auto escape = [&out](unsigned char code) {
    out += "\\u00";
    out += kHex[code >> 4];
    out += kHex[code & 15];
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      escape(c);
    } else if (quotes && (c == '"' || c == '\\')) {
      out += '\\';
      out += text[i];
    } else if (c < 0x80) {
      out += text[i];
    } else if (!valid) {
      out += "\xEF\xBF\xBD";
    } else if (c == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      escape(static_cast<unsigned char>(text[++i]));
    } else {
      out += text[i];
    }
  }
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  append_escaped(out, text, true);
  out += '"';
}

// "nan" and "inf" are no JSON numbers; what else std::to_string writes ends in a digit, and the
// booleans end in 'e'.
bool is_bare(const Field& field) {
  if (!field.number || field.value.empty()) return false;
  const char last = field.value.back();
  return (last >= '0' && last <= '9') || last == 'e';
}

bool needs_quotes(std::string_view text) {
  if (text.empty()) return true;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (u <= ' ' || u >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

std::string_view colour_of(Level level) {
  switch (level) {
    case Level::error:
      return "\033[31m";
    case Level::warn:
      return "\033[33m";
    case Level::info:
      return "\033[32m";
    default:
      return "\033[36m";
  }
}

}  // namespace

std::string_view to_string(Level level) { return kNames[static_cast<std::size_t>(level)]; }

std::string json_line(Timestamp time, Level level, std::string_view message, Fields fields) {
  std::string out;
  out.reserve(128 + message.size());
  out += R"({"time":")";
  out += format_rfc3339(time);
  out += R"(","level":")";
  out += to_string(level);
  out += R"(","message":)";
  append_quoted(out, message);
  for (const Field& field : fields) {
    out += ',';
    append_quoted(out, field.key);
    out += ':';
    if (is_bare(field)) {
      out += field.value;
    } else {
      append_quoted(out, field.value);
    }
  }
  out += '}';
  return out;
}

std::string text_line(Timestamp time, Level level, std::string_view message, Fields fields,
                      bool colour) {
  static constexpr std::array<std::string_view, 6> kPadded = {"TRACE", "DEBUG", "INFO ",
                                                              "WARN ", "ERROR", "OFF  "};
  std::string out = format_rfc3339(time);
  out += ' ';
  if (colour) out += colour_of(level);
  out += kPadded[static_cast<std::size_t>(level)];
  if (colour) out += "\033[0m";
  out += ' ';
  append_escaped(out, message, false);
  std::string_view gap = "  ";
  for (const Field& field : fields) {
    out += gap;
    gap = " ";
    if (colour) out += "\033[2m";
    append_escaped(out, field.key, false);
    out += '=';
    if (colour) out += "\033[0m";
    if (needs_quotes(field.value)) {
      append_quoted(out, field.value);
    } else {
      out += field.value;
    }
  }
  return out;
}

}  // namespace mesh::log
