#include "daemon/readiness.h"

#include "daemon/services/retention.h"

namespace mesh {
namespace {

using services::Check;

// Events that wait for the log: from where on it is worth knowing, and from where on a fault.
constexpr std::int64_t kManyWaiting = 10'000;
constexpr std::int64_t kTooManyWaiting = 100'000;

Check outbox_check(const Outbox& outbox, const pipeline::Relay& relay) {
  const auto waiting = outbox.size();
  const auto trouble = relay.trouble();
  return {"outbox", waiting < kTooManyWaiting && !trouble,
          std::to_string(waiting) + " events wait for the log, and are not searchable before" +
              (trouble ? "; " + *trouble : ""),
          waiting >= kManyWaiting};
}

Check pipeline_check(const pipeline::PipelineStatus& status, bool runs_here) {
  // A process without the role shows what it knows of pipelines, and answers for none.
  const bool ok = status.state == pipeline::PipelineStatus::State::running || !runs_here;
  return {"pipeline " + status.name, ok,
          "lag " + std::to_string(status.lag_events) + " events, " + std::to_string(status.parked) +
              " parked" + (status.last_error.empty() ? "" : ", last error: " + status.last_error)};
}

Check keys_check(const auth::RemoteKeys& keys) {
  // Old keys are good enough: a fetch that fails now is no fault yet.
  const bool known = keys.keys() != nullptr;
  return {"jwks", known,
          known ? "the issuer's keys are known"
                : "the keys of auth.jwt.jwks_url cannot be fetched, the log says why: "
                  "tokens that need them are answered 503"};
}

std::vector<Check> pipeline_checks(Pipelines& pipelines, bool run_here) {
  std::vector<Check> all;
  for (const auto& status : pipelines.statuses()) all.push_back(pipeline_check(status, run_here));
  return all;
}

// Told as warnings and not as faults: all but searches works.
std::vector<Check> index_checks(pipeline::Generations& generations) {
  std::vector<Check> all;
  if (const auto foreign = generations.foreign()) {
    all.push_back({"index", true,
                   foreign->info.name + ": " + foreign->why +
                       ": searches are refused here until `mesh index rebuild` has made a new one",
                   true});
  }
  if (const auto other = generations.unconfigured()) {
    all.push_back({"index", true,
                   other->name + " serves with the embedder that it was made with (" +
                       other->spec.embedder +
                       "), which is not the configured one; `mesh index rebuild` makes one of that",
                   true});
  }
  if (const auto filling = generations.filling()) {
    all.push_back({"index", true,
                   "it is built from the log, " + std::to_string(*filling) +
                       " events to go: until then searches do not find everyone",
                   true});
  }
  return all;
}

}  // namespace

std::vector<Checkup::Part> readiness(const config::Config& config, const Engines& engines,
                                     Pipelines& pipelines, const auth::RemoteKeys* remote_keys) {
  using Checks = std::vector<Check>;
  const auto& ports = engines.ports();
  std::vector<Checkup::Part> parts{
      {"outbox",
       [&ports, &pipelines] { return Checks{outbox_check(ports.outbox, pipelines.relay)}; }},
      {"pipelines",
       [&pipelines, run_here = config.has_role(config::role::kPipelines)] {
         return pipeline_checks(pipelines, run_here);
       }},
      {"engines", [&engines] { return engines.checks(); }},
      {"retention", [&ports] { return Checks{services::retention_check(ports.log_admin)}; }},
      {"index", [&pipelines] { return index_checks(pipelines.generations); }}};
  if (remote_keys) {
    parts.push_back({"jwks", [remote_keys] { return Checks{keys_check(*remote_keys)}; }});
  }
  return parts;
}

}  // namespace mesh
