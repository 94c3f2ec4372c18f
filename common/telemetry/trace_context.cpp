#include "common/telemetry/trace_context.h"

#include <algorithm>
#include <cstdint>
#include <random>

namespace mesh {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kLength = 55;  // of version 00
constexpr std::size_t kMaxStateBytes = 512;
constexpr int kMaxStateMembers = 32;

// Ids must be unlike each other, not unguessable, so one seed from the system per thread will do.
std::uint64_t random_word() {
  thread_local std::mt19937_64 generator = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device(),
                       device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return generator();
}

std::string hex_id(std::size_t words) {
  std::string out(words * 16, '0');
  for (std::size_t w = 0; w < words; ++w) {
    std::uint64_t word = random_word();
    // An id of zeros is not valid.
    if (word == 0) word = 1;
    for (std::size_t i = 16; i-- > 0; word >>= 4) out[w * 16 + i] = kHex[word & 15];
  }
  return out;
}

bool is_hex(std::string_view text) {
  return text.find_first_not_of(kHex) == std::string_view::npos;
}

bool is_id(std::string_view text) {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

}  // namespace

std::string TraceContext::traceparent() const {
  return "00-" + trace_id + "-" + span_id + (sampled ? "-01" : "-00");
}

TraceContext TraceContext::child() const { return {trace_id, hex_id(1), sampled, state}; }

TraceContext TraceContext::make(bool sampled) { return {hex_id(2), hex_id(1), sampled, {}}; }

void TraceContext::add_state(std::string_view tracestate) {
  const std::string all = state.empty() || tracestate.empty()
                              ? state + std::string(tracestate)
                              : state + "," + std::string(tracestate);
  const bool printable = std::ranges::all_of(all, [](char c) { return c >= 0x20 && c < 0x7f; });
  const auto members = 1 + std::ranges::count(all, ',');
  // Half a state would be wrong, and too much of it is passed on by every hop.
  state = printable && members <= kMaxStateMembers && all.size() <= kMaxStateBytes ? all : "";
}

std::optional<TraceContext> TraceContext::parse(std::string_view text) {
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-') {
    return std::nullopt;
  }
  const auto version = text.substr(0, 2);
  const auto trace_id = text.substr(3, 32);
  const auto span_id = text.substr(36, 16);
  const auto flags = text.substr(53, 2);
  if (!is_hex(version) || version == "ff" || !is_hex(flags)) return std::nullopt;
  if (!is_id(trace_id) || !is_id(span_id)) return std::nullopt;
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return std::nullopt;
  // The other bits have no meaning in version 00 and are not passed on.
  const bool sampled = (kHex.find(flags[1]) & 1) != 0;
  return TraceContext{std::string(trace_id), std::string(span_id), sampled, {}};
}

}  // namespace mesh
