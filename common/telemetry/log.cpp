#include "common/telemetry/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "common/base/clock.h"
#include "common/telemetry/log_line.h"
#include "common/telemetry/recent_log.h"

namespace mesh::log {
namespace {

enum class Style { text, coloured, json };

// Read by every thread for each line and changed by a reload: each value stands for itself, so that
// relaxed order does.
std::atomic<Level> threshold{Level::info};
std::atomic<Style> style{Style::text};

// Lines come formatted, since spdlog's messages have no fields; it serializes and writes them.
// Never destroyed: threads may log until the very end.
spdlog::logger& sink() {
  static auto* const logger = [] {
    auto stderr_sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    stderr_sink->set_formatter(
        std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "\n"));
    auto* made = new spdlog::logger("mesh", std::move(stderr_sink));
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

constexpr std::size_t kRecentLines = 1000;
constexpr std::size_t kLongestRecent = 16 << 10;

std::unique_ptr<spdlog::formatter> line_alone() {
  return std::make_unique<spdlog::pattern_formatter>("%v", spdlog::pattern_time_type::utc, "");
}

// Of every line a copy, for those who cannot see where stderr goes. Never destroyed, as sink().
spdlog::sinks::ringbuffer_sink_mt& kept() {
  static auto* const ring = [] {
    auto* made = new spdlog::sinks::ringbuffer_sink_mt(kRecentLines);
    made->set_formatter(line_alone());
    return made;
  }();
  return *ring;
}

void keep(const std::string& line) {
  if (line.size() > kLongestRecent) return;
  kept().log(spdlog::details::log_msg("mesh", spdlog::level::info, line));
}

Style choose(Format format) {
  const bool terminal = isatty(STDERR_FILENO) == 1;
  if (format == Format::json || (format == Format::automatic && !terminal)) return Style::json;
  const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  return terminal && (no_colour == nullptr || *no_colour == '\0') ? Style::coloured : Style::text;
}

}  // namespace

Result<Level> parse_level(std::string_view text) {
  for (const Level level :
       {Level::trace, Level::debug, Level::info, Level::warn, Level::error, Level::off}) {
    if (text == to_string(level)) return level;
  }
  return fail(ErrorKind::invalid, "\"" + std::string(text) +
                                      "\" is not a log level; write trace, debug, info, warn, "
                                      "error or off");
}

void configure(Level level, Format format) {
  style.store(choose(format), std::memory_order_relaxed);
  set_level(level);
}

void set_level(Level level) { threshold.store(level, std::memory_order_relaxed); }

bool enabled(Level level) {
  return level != Level::off && level >= threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
  if (!enabled(level)) return;
  const Timestamp now = system_clock().now();
  const Style how = style.load(std::memory_order_relaxed);
  const std::string json = json_line(now, level, message, fields);
  keep(json);
  // Always at one level: what is written was decided above, and the line has its level in it.
  sink().log(
      spdlog::level::info,
      how == Style::json ? json : text_line(now, level, message, fields, how == Style::coloured));
}

std::vector<std::string> recent() { return kept().last_formatted(); }

void flush() { sink().flush(); }

}  // namespace mesh::log
