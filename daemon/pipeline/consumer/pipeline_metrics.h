// The handles of one pipeline's metrics.
#pragma once

#include <string>

#include "common/telemetry/metrics.h"

namespace mesh::pipeline {

// What events are given up for, the classes that stages and the runtime have: bounded, for labels.
inline constexpr const char* kCausesOfDeath[] = {"decode",  "schema", "embed",    "index",
                                                 "extract", "late",   "exhausted"};

inline Counter& dead_letters(Metrics& metrics, const std::string& topic,
                             const std::string& cause_class) {
  return metrics.counter("mesh_dead_letters_total", "Events that died, by source topic and cause",
                         {{"topic", topic}, {"cause_class", cause_class}});
}

struct PipelineMetrics {
  PipelineMetrics(Metrics& metrics, const std::string& pipeline)
      : done(events(metrics, pipeline, "done")),
        retry(events(metrics, pipeline, "retry")),
        dead(events(metrics, pipeline, "dead")),
        behind(events(metrics, pipeline, "behind")),
        outage(events(metrics, pipeline, "outage")),
        batch_seconds(metrics.histogram("mesh_pipeline_batch_seconds",
                                        "Time a stage took for a batch", {{"pipeline", pipeline}})),
        lag_events(metrics.gauge("mesh_pipeline_lag_events", "Events the group has not committed",
                                 {{"pipeline", pipeline}})),
        lag_seconds(metrics.gauge("mesh_pipeline_lag_seconds",
                                  "Age of the oldest event not yet processed",
                                  {{"pipeline", pipeline}})),
        parked(metrics.gauge("mesh_pipeline_parked", "Events that wait for another attempt",
                             {{"pipeline", pipeline}})),
        breaker_state(metrics.gauge("mesh_pipeline_breaker_state", "0 closed, 1 half open, 2 open",
                                    {{"pipeline", pipeline}})) {}

  static Counter& events(Metrics& metrics, const std::string& pipeline, const char* outcome) {
    return metrics.counter("mesh_pipeline_events_total", "Events by what the stage said",
                           {{"pipeline", pipeline}, {"outcome", outcome}});
  }

  Counter &done, &retry, &dead, &behind, &outage;
  Histogram& batch_seconds;
  Gauge &lag_events, &lag_seconds, &parked, &breaker_state;
};

}  // namespace mesh::pipeline
