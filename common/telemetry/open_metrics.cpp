#include "common/telemetry/open_metrics_internal.h"

#include <charconv>
#include <cmath>

namespace mesh {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

constexpr std::string_view kTotal = "_total";

// The shortest text that reads as the same number.
std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

// Bounds are compared as text by some, so they have one form, OpenMetrics' canonical one: 1.0 and
// not 1, and no exponent from 0.0001 up to a million.
std::string bound(double value) {
  const double size = std::abs(value);
  std::string text;
  if (size >= 1e-4 && size < 1e6) {
    char buffer[64];
    text.assign(buffer,
                std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed).ptr);
  } else {
    text = number(value);
  }
  if (text.find_first_of(".einI") == text.npos) text += ".0";
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out;
}

// {a="1",le="0.5"}, or "".
std::string labels_of(const ClientMetric& metric, const std::string& le = {}) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += out.empty() ? "{" : ",";
    out.append(name).append("=\"").append(escaped(value)).append("\"");
  };
  for (const auto& label : metric.label) add(label.name, label.value);
  if (!le.empty()) add("le", le);
  return out.empty() ? out : out + "}";
}

void add_exemplar(std::string& out, const Exemplar& exemplar) {
  const double seconds = std::chrono::duration<double>(exemplar.time.time_since_epoch()).count();
  out += " # {trace_id=\"" + escaped(exemplar.trace_id) + "\"} " + number(exemplar.value) + " ";
  // A fixed form: the shortest one of so large a number would have an exponent.
  char buffer[64];
  out.append(
      buffer,
      std::to_chars(buffer, buffer + sizeof buffer, seconds, std::chars_format::fixed, 3).ptr);
}

void add_histogram(std::string& out, const std::string& name, const ClientMetric& metric,
                   const std::vector<Exemplar>* exemplars) {
  const auto& histogram = metric.histogram;
  for (std::size_t i = 0; i < histogram.bucket.size(); ++i) {
    out += name + "_bucket" + labels_of(metric, bound(histogram.bucket[i].upper_bound)) + " " +
           std::to_string(histogram.bucket[i].cumulative_count);
    if (exemplars != nullptr && i < exemplars->size() && !(*exemplars)[i].trace_id.empty())
      add_exemplar(out, (*exemplars)[i]);
    out += "\n";
  }
  out += name + "_count" + labels_of(metric) + " " + std::to_string(histogram.sample_count) + "\n";
  out += name + "_sum" + labels_of(metric) + " " + number(histogram.sample_sum) + "\n";
}

const char* type_of(MetricType type) {
  switch (type) {
    case MetricType::Counter:
      return "counter";
    case MetricType::Histogram:
      return "histogram";
    default:
      return "gauge";
  }
}

}  // namespace

std::string open_metrics_text(const std::vector<prometheus::MetricFamily>& families,
                              const Exemplars& exemplars) {
  std::string out;
  for (std::size_t f = 0; f < families.size(); ++f) {
    const auto& family = families[f];
    const bool counts = family.type == MetricType::Counter;
    // A counter's family has no _total, and its sample always has.
    std::string name = family.name;
    if (counts && name.ends_with(kTotal)) name.resize(name.size() - kTotal.size());
    out += "# TYPE " + name + " " + type_of(family.type) + "\n";
    out += "# HELP " + name + " " + escaped(family.help) + "\n";
    for (std::size_t m = 0; m < family.metric.size(); ++m) {
      const ClientMetric& metric = family.metric[m];
      if (family.type == MetricType::Histogram) {
        const auto found = exemplars.find({f, m});
        add_histogram(out, name, metric, found == exemplars.end() ? nullptr : &found->second);
        continue;
      }
      out += name + (counts ? std::string(kTotal) : "") + labels_of(metric) + " " +
             number(counts ? metric.counter.value : metric.gauge.value) + "\n";
    }
  }
  return out + "# EOF\n";
}

}  // namespace mesh
