// Metrics as Prometheus reads them, without the vendor's headers.
// Of prometheus-cpp the model and the text form are used, not the registry: its histograms take a
// mutex for each observation, and its order of families is a hash's.
//
// Handles are cheap to use (one atomic) and valid as long as their Metrics, unless they are
// forgotten; look one up once and keep it on hot paths. Names: mesh_…, base units, _total for
// counters.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/telemetry/buckets.h"

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
  // `trace_id`: of a trace that is sent, which the bucket then shows as an example of what is in it
  // (an exemplar of OpenMetrics); "" for none.
  virtual void observe(double value, std::string_view trace_id = {}) = 0;
};

// Any thread.
class Metrics {
 public:
  // At most `max_tenants` values of the label `tenant` are shown; further tenants count as "other".
  explicit Metrics(int max_tenants = 50);
  ~Metrics();

  // The same name and labels give the same handle. Help of the first call counts. A name or label
  // that Prometheus does not allow, or a name of another type, is a bug and ends the process.
  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  // Buckets of the first call count; ascending; +Inf is implied.
  Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {},
                       const std::vector<double>& buckets = latency_buckets());
  // 100 us … 10 s, for latencies in seconds.
  static const std::vector<double>& latency_buckets();

  // The series that have `label` with `value` end; their handles must not be used any more.
  void forget(const std::string& label, const std::string& value);

  // The value to use for the label `tenant`: itself while it has one of the max_tenants places,
  // else "other". Free places go to whoever comes first.
  std::string tenant_label(std::string_view tenant);
  // Whether a tenant was called "other" since the last name_busiest.
  bool crowded() const;
  // Gives places to the busiest, by what each has used since the start: a tenant that used more
  // than twice as much as the least busy of those with a place gets that place. So each change at
  // least doubles what a place stands for, and there are few. No counter ever falls: what a tenant
  // did as "other" stays there, and who has lost its place is no longer shown but goes on where it
  // was if it comes back.
  struct Used {
    std::string tenant;
    std::uint64_t amount = 0;
  };
  void name_busiest(std::vector<Used> used);

  // Reading, for what the process shows of itself: over all series of the name whose labels `where`
  // takes, those of tenants without a place among them. 0, and no buckets, where there is none; a
  // series that was forgotten counts no more, so that a sum may fall. Collectors are not called.
  // `where` must not use this.
  using Where = std::function<bool(const Labels&)>;
  static bool any(const Labels&) { return true; }
  // Of counters or gauges.
  double sum(std::string_view name, const Where& where = any) const;
  // Of histograms.
  Buckets buckets(std::string_view name, const Where& where = any) const;

  // `collect` is called before each exposition, to set gauges that are read rather than counted: by
  // the thread that exposes, one at a time, without a lock, so that it may look up handles. It is
  // called as long as this lives.
  void on_collect(std::function<void()> collect);
  // Families by name and series by labels. Blocks while another thread exposes and while collectors
  // run. Without names all series that differ only in the label `tenant` are one, of the tenant
  // "other", and there are no exemplars.
  enum class Form {
    text,          // Prometheus' text format, 0.0.4
    open_metrics,  // OpenMetrics 1.0.0, which alone has exemplars
  };
  std::string expose(bool name_tenants = true, Form form = Form::text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mesh
