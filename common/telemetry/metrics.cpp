#include "common/telemetry/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <sstream>

#include "common/telemetry/log.h"
#include "common/telemetry/open_metrics_internal.h"

namespace mesh {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricType;

class Series {
 public:
  virtual ~Series() = default;
  virtual void collect(ClientMetric& out) const = 0;
  // One a bucket, where the series has any.
  virtual std::vector<Exemplar> exemplars() const { return {}; }
};

class CounterSeries final : public Counter, public Series {
 public:
  explicit CounterSeries(const std::vector<double>&) {}
  void add(double by) override {
    // A counter that falls is taken for a restart by Prometheus, and the rest would count twice.
    if (by > 0) value_.fetch_add(by, std::memory_order_relaxed);
  }
  void collect(ClientMetric& out) const override {
    out.counter.value = value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<double> value_{0};
};

class GaugeSeries final : public Gauge, public Series {
 public:
  explicit GaugeSeries(const std::vector<double>&) {}
  void set(double value) override { value_.store(value, std::memory_order_relaxed); }
  void add(double by) override { value_.fetch_add(by, std::memory_order_relaxed); }
  void collect(ClientMetric& out) const override {
    out.gauge.value = value_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<double> value_{0};
};

class HistogramSeries final : public Histogram, public Series {
 public:
  explicit HistogramSeries(const std::vector<double>& bounds)
      : bounds_(bounds), counts_(bounds.size() + 1) {}
  void observe(double value, std::string_view trace_id) override {
    if (std::isnan(value)) return;  // would spoil the sum for good
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
    const auto bucket = static_cast<std::size_t>(bound - bounds_.begin());
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
    if (!trace_id.empty()) keep(bucket, {std::string(trace_id), value, system_clock().now()});
  }
  std::vector<Exemplar> exemplars() const override {
    std::lock_guard lock(mutex_);
    return exemplars_;
  }
  void collect(ClientMetric& out) const override {
    // The count is made of the buckets, not kept beside them: the two agree whatever is observed
    // meanwhile.
    std::uint64_t total = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      total += counts_[i].load(std::memory_order_relaxed);
      out.histogram.bucket.push_back({total, i < bounds_.size() ? bounds_[i] : INFINITY});
    }
    out.histogram.sample_count = total;
    out.histogram.sample_sum = sum_.load(std::memory_order_relaxed);
  }

 private:
  // Any will do: who finds another at it leaves.
  void keep(std::size_t bucket, Exemplar exemplar) {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return;
    exemplars_.resize(counts_.size());
    exemplars_[bucket] = std::move(exemplar);
  }

  const std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
  mutable std::mutex mutex_;
  std::vector<Exemplar> exemplars_;  // guarded by mutex_; empty before the first
};

struct Family {
  MetricType type;
  std::string help;
  std::vector<double> bounds;
  std::map<Labels, std::unique_ptr<Series>> series;
};

constexpr std::string_view kOther = "other";

// Of one family, so with the same buckets.
void add(ClientMetric& sum, const ClientMetric& more) {
  sum.counter.value += more.counter.value;
  sum.gauge.value += more.gauge.value;
  sum.histogram.sample_count += more.histogram.sample_count;
  sum.histogram.sample_sum += more.histogram.sample_sum;
  for (std::size_t i = 0; i < sum.histogram.bucket.size(); ++i) {
    sum.histogram.bucket[i].cumulative_count += more.histogram.bucket[i].cumulative_count;
  }
}

// Names stand in the code, so a bad one is a bug of the line that asks for the metric.
[[noreturn]] void refuse(std::string_view name, std::string_view why) {
  log::error("metric cannot be made", {{"metric", name}, {"reason", why}});
  std::abort();
}

}  // namespace

struct Metrics::Impl {
  explicit Impl(int most_tenants)
      : max_tenants(static_cast<std::size_t>(std::max(most_tenants, 0))) {}

  template <typename S>
  S& series(MetricType type, std::string_view name, std::string_view help, const Labels& labels,
            const std::vector<double>& bounds = {});

  const std::size_t max_tenants;

  std::shared_mutex mutex;  // guards the next two
  std::map<std::string, Family, std::less<>> families;
  std::vector<std::function<void()>> collectors;

  std::shared_mutex tenants_mutex;
  std::set<std::string, std::less<>> tenants;  // that have a place; guarded by tenants_mutex
  std::atomic<bool> crowded{false};

  std::mutex expose_mutex;  // one exposition at a time: collectors need no locks of their own
};

template <typename S>
S& Metrics::Impl::series(MetricType type, std::string_view name, std::string_view help,
                         const Labels& labels, const std::vector<double>& bounds) {
  {
    std::shared_lock lock(mutex);
    const auto family = families.find(name);
    if (family != families.end() && family->second.type == type) {
      const auto found = family->second.series.find(labels);
      if (found != family->second.series.end()) return static_cast<S&>(*found->second);
    }
  }
  if (!prometheus::CheckMetricName(std::string(name))) refuse(name, "not a metric name");
  for (const auto& [label, value] : labels) {
    if (!prometheus::CheckLabelName(label)) refuse(name, "not a label name: " + label);
  }
  std::unique_lock lock(mutex);
  // Between the two locks another thread may have made it: try_emplace and the empty slot find that
  // out.
  auto& family =
      families.try_emplace(std::string(name), Family{type, std::string(help), bounds, {}})
          .first->second;
  if (family.type != type) refuse(name, "the name belongs to another type of metric");
  auto& slot = family.series[labels];
  if (slot == nullptr) slot = std::make_unique<S>(family.bounds);
  return static_cast<S&>(*slot);
}

Metrics::Metrics(int max_tenants) : impl_(std::make_unique<Impl>(max_tenants)) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(std::string_view name, std::string_view help, const Labels& labels) {
  return impl_->series<CounterSeries>(MetricType::Counter, name, help, labels);
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, const Labels& labels) {
  return impl_->series<GaugeSeries>(MetricType::Gauge, name, help, labels);
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help, const Labels& labels,
                              const std::vector<double>& buckets) {
  return impl_->series<HistogramSeries>(MetricType::Histogram, name, help, labels, buckets);
}

const std::vector<double>& Metrics::latency_buckets() {
  static const std::vector<double> buckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                              0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                              1,      2.5,     5,      10};
  return buckets;
}

void Metrics::forget(const std::string& label, const std::string& value) {
  std::unique_lock lock(impl_->mutex);
  for (auto& [name, family] : impl_->families) {
    std::erase_if(family.series, [&](const auto& series) {
      const auto found = series.first.find(label);
      return found != series.first.end() && found->second == value;
    });
  }
}

std::string Metrics::tenant_label(std::string_view tenant) {
  const auto other = [this] {
    if (!crowded()) impl_->crowded.store(true, std::memory_order_relaxed);
    return std::string(kOther);
  };
  {
    std::shared_lock lock(impl_->tenants_mutex);
    if (impl_->tenants.contains(tenant)) return std::string(tenant);
    if (impl_->tenants.size() >= impl_->max_tenants) return other();
  }
  std::unique_lock lock(impl_->tenants_mutex);
  if (impl_->tenants.contains(tenant)) return std::string(tenant);
  if (impl_->tenants.size() >= impl_->max_tenants) return other();
  return *impl_->tenants.emplace(tenant).first;
}

bool Metrics::crowded() const { return impl_->crowded.load(std::memory_order_relaxed); }

void Metrics::name_busiest(std::vector<Used> used) {
  impl_->crowded.store(false, std::memory_order_relaxed);
  std::unique_lock lock(impl_->tenants_mutex);
  std::map<std::string_view, std::uint64_t> amounts;
  for (const auto& one : used) amounts[one.tenant] = one.amount;
  std::vector<Used> holders;  // the least busy first
  for (const auto& tenant : impl_->tenants) holders.push_back({tenant, amounts[tenant]});
  std::ranges::sort(holders, {}, &Used::amount);
  std::erase_if(used, [&](const Used& one) { return impl_->tenants.contains(one.tenant); });
  std::ranges::sort(used, std::greater{}, &Used::amount);
  for (std::size_t i = 0; i < std::min(holders.size(), used.size()); ++i) {
    if (used[i].amount <= 2 * holders[i].amount) return;
    impl_->tenants.erase(holders[i].tenant);
    impl_->tenants.insert(used[i].tenant);
  }
}

double Metrics::sum(std::string_view name, const Where& where) const {
  double all = 0;
  std::shared_lock lock(impl_->mutex);
  const auto family = impl_->families.find(name);
  if (family == impl_->families.end()) return all;
  for (const auto& [labels, series] : family->second.series) {
    if (!where(labels)) continue;
    ClientMetric metric;
    series->collect(metric);
    all += metric.counter.value + metric.gauge.value;
  }
  return all;
}

Buckets Metrics::buckets(std::string_view name, const Where& where) const {
  Buckets all;
  std::shared_lock lock(impl_->mutex);
  const auto family = impl_->families.find(name);
  if (family == impl_->families.end() || family->second.type != MetricType::Histogram) return all;
  for (const auto& [labels, series] : family->second.series) {
    if (!where(labels)) continue;
    ClientMetric metric;
    series->collect(metric);
    Buckets one{family->second.bounds, {}};
    for (const auto& bucket : metric.histogram.bucket) {
      one.counts.push_back(bucket.cumulative_count);
    }
    all.add(one);
  }
  return all;
}

void Metrics::on_collect(std::function<void()> collect) {
  std::unique_lock lock(impl_->mutex);
  impl_->collectors.push_back(std::move(collect));
}

std::string Metrics::expose(bool name_tenants, Form form) {
  std::lock_guard one(impl_->expose_mutex);
  std::vector<std::function<void()>> collectors;
  {
    std::shared_lock lock(impl_->mutex);
    // Called without the lock: a collector looks up gauges, which takes it.
    collectors = impl_->collectors;
  }
  for (const auto& collect : collectors) collect();

  std::vector<prometheus::MetricFamily> families;
  Exemplars exemplars;
  {
    std::shared_lock lock(impl_->mutex);
    std::shared_lock tenants_lock(impl_->tenants_mutex);
    const auto shown = [&](const Labels& labels) {
      const auto tenant = labels.find("tenant");
      return tenant == labels.end() || tenant->second == kOther ||
             impl_->tenants.contains(tenant->second);
    };
    families.reserve(impl_->families.size());
    for (const auto& [name, family] : impl_->families) {
      auto& out = families.emplace_back();
      out.name = name;
      out.help = family.help;
      out.type = family.type;
      std::map<Labels, std::size_t> folded;  // where in `out` they stand
      for (const auto& [labels, series] : family.series) {
        if (name_tenants && !shown(labels)) continue;
        ClientMetric metric;
        series->collect(metric);
        Labels named = labels;
        if (const auto tenant = named.find("tenant"); !name_tenants && tenant != named.end()) {
          tenant->second = kOther;
          const auto [at, first] = folded.try_emplace(named, out.metric.size());
          if (!first) {
            add(out.metric[at->second], metric);
            continue;
          }
        }
        for (const auto& [label, value] : named) metric.label.push_back({label, value});
        if (name_tenants && form == Form::open_metrics) {
          exemplars[{families.size() - 1, out.metric.size()}] = series->exemplars();
        }
        out.metric.push_back(std::move(metric));
      }
    }
  }
  if (form == Form::open_metrics) return open_metrics_text(families, exemplars);
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, families);
  return std::move(text).str();
}

}  // namespace mesh
