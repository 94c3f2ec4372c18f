// Structured logs: a message and fields; text on a terminal, JSON lines elsewhere.
#pragma once

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "common/base/error.h"

namespace mesh::log {

enum class Level { trace, debug, info, warn, error, off };
enum class Format { automatic, text, json };

Result<Level> parse_level(std::string_view text);  // `invalid` for any other word

// Sets up the process-wide sink on stderr. Any thread, at any time: lines under way keep the form
// that they began with. Before it: info, text.
void configure(Level level, Format format);
void set_level(Level level);
bool enabled(Level level);

// A field's value is quoted as the format needs; keys are snake_case. Request id, trace id and
// tenant travel as the fields request_id, trace_id, tenant. Line breaks and control characters in
// values are escaped, so that no client can forge a line.
struct Field {
  std::string_view key;
  std::string value;
  bool number = false;  // number or boolean: written without quotes
  Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  template <typename N>
  requires std::is_arithmetic_v<N> Field(std::string_view k, N v) : key(k), number(true) {
    if constexpr (std::same_as<N, bool>) {
      value = v ? "true" : "false";
    } else {
      value = std::to_string(v);
    }
  }
};

// Any thread; never throws. Blocks while stderr does. Below the level it costs one atomic read, but
// the fields are built before: guard costly ones with enabled().
void write(Level level, std::string_view message, std::initializer_list<Field> fields = {});
using Fields = std::initializer_list<Field>;
inline void debug(std::string_view m, Fields f = {}) { write(Level::debug, m, f); }
inline void info(std::string_view m, Fields f = {}) { write(Level::info, m, f); }
inline void warn(std::string_view m, Fields f = {}) { write(Level::warn, m, f); }
inline void error(std::string_view m, Fields f = {}) { write(Level::error, m, f); }

// Any thread; blocks while stderr does.
void flush();

}  // namespace mesh::log
