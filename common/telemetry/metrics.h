// Prometheus metrics, without the vendor's headers.
//
// Handles are cheap to use (one atomic) and valid as long as their Metrics; look one up once and
// keep it on hot paths. Names: mesh_…, base units, _total for counters.
#pragma once

#include <initializer_list>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mesh {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  virtual ~Counter() = default;
  virtual void add(double by = 1) = 0;
};
class Gauge {
 public:
  virtual ~Gauge() = default;
  virtual void set(double value) = 0;
  virtual void add(double by) = 0;
};
class Histogram {
 public:
  virtual ~Histogram() = default;
  virtual void observe(double value) = 0;
};

// Any thread.
class Metrics {
 public:
  // At most `max_tenants` values of the label `tenant` are shown; further ones count as "other".
  explicit Metrics(int max_tenants = 50);
  ~Metrics();

  // The same name and labels give the same handle. Help of the first call counts.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  // Buckets of the first call count; ascending; +Inf is implied.
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {},
                       const std::vector<double>& buckets = latency_buckets());
  // 100 us … 10 s, for latencies in seconds.
  static const std::vector<double>& latency_buckets();

  // The value to use for the label `tenant`: itself while it is among the first max_tenants seen,
  // else "other".
  std::string tenant_label(std::string_view tenant);

  // `collect` is called before each exposition, to set gauges that are read rather than counted.
  void on_collect(std::function<void()> collect);
  // Text format 0.0.4.
  std::string expose();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh
