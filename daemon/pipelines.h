// The pipelines of the mesh, and what works beside them: the relay, replays, dead letters, tasks,
// the retention of tenants.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/document_signature.h"
#include "common/config/config.h"
#include "common/telemetry/metrics.h"
#include "common/telemetry/usage.h"
#include "daemon/engines.h"
#include "daemon/pipeline/consumer/runtime.h"
#include "daemon/pipeline/dead_letters/dead_letters.h"
#include "daemon/pipeline/erasure/erasure.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/generations/generations.h"
#include "daemon/pipeline/groups.h"
#include "daemon/pipeline/relay.h"
#include "daemon/pipeline/replay/replay.h"
#include "daemon/pipeline/retention/tenant_retention.h"
#include "daemon/pipeline/seek/seek.h"
#include "daemon/pipeline/seek/yielding_log.h"
#include "daemon/pipeline/tasks/client_tasks.h"
#include "daemon/pipeline/tasks/tasks.h"

namespace mesh {

// A new topic as the configuration wants it.
TopicSpec topic_spec(const config::Log& config, std::string name, TopicKind kind);

// Makes the topics and the groups that are missing, whatever the roles of this process are: what
// comes is kept for them.
Status make_topics(const config::Log& config, LogAdmin& log);

// Made whole, so that an admin listener shows what there is; only what the roles ask for runs. The
// members are for services; each says of itself which threads may use it.
class Pipelines {
  pipeline::YieldingLogAdmin log_admin_;  // first: the others read by it

 public:
  // What this process is beside its configuration.
  struct Self {
    std::string process;  // names it among those that share stores
    std::string version;
    const SigningKey* receipt_key = nullptr;  // null: it erases no tenant
    // Told of a tenant that is erased here, as soon as its data are.
    std::function<void(const TenantId&)> forget = [](const TenantId&) {};
    pipeline::SearchableOf searchable = {};
    std::function<Result<pipeline::SearchableTypes>()> searchable_types = {};
  };
  // What is given outlives the pipelines. `spans` is null where no traces are sent.
  Pipelines(const config::Config& config, const Ports& ports, const Self& self, Clock& clock,
            Metrics& metrics, Usage& usage, Spans* spans);
  ~Pipelines();  // stop()
  Status start();
  void stop();  // the tasks first, the generations last; callable twice and before start
  // Of all that this process would run.
  std::vector<pipeline::PipelineStatus> statuses();
  // The consumer groups that this process is a member of.
  std::vector<std::string> groups() const;

  // What searches of this process ask with, whatever its roles are; told by the generations.
  pipeline::ServingEmbedder serving_embedder;
  pipeline::Generations generations;
  pipeline::EventIndexing events;
  pipeline::Relay relay;
  pipeline::Replayer replayer;
  pipeline::DeadLetters dead_letters;
  pipeline::Seeker seeker;
  pipeline::Erasure erasure;
  pipeline::ClientTasks client_tasks;
  pipeline::TaskRunner tasks;

 private:
  // Its own, since replays call the stage too.
  struct Projection {
    pipeline::TopicGroup reads;
    std::shared_ptr<pipeline::Stage> stage;
    std::unique_ptr<pipeline::Pipeline> pipeline;
  };

  Result<std::shared_ptr<pipeline::Stage>> stage(const std::string& name);

  const config::Config& config_;
  std::vector<Projection> projections_;
  pipeline::TenantRetention retention_;
};

}  // namespace mesh
