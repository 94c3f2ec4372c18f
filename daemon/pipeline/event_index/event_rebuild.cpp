#include "daemon/pipeline/event_index/event_rebuild.h"

#include <algorithm>
#include <utility>

#include "common/telemetry/log.h"
#include "daemon/pipeline/event_index/event_index_stage.h"
#include "daemon/pipeline/event_index/event_indexing.h"
#include "daemon/pipeline/scan.h"
#include "daemon/pipeline/tasks/task_support.h"

namespace mesh::pipeline {
namespace {

// By "<topic>/<partition>".
std::string place_of(const TopicPartition& partition) {
  return partition.topic + "/" + std::to_string(partition.partition);
}

// In the checkpoint: rises once what was read of the log is held no more.
constexpr const char* kSteps = "steps";

class EventRebuild {
 public:
  EventRebuild(TaskContext& context, const EventRebuildDeps& deps, std::string type,
               GenerationSpec spec)
      : context_(context),
        deps_(deps),
        type_(std::move(type)),
        spec_(std::move(spec)),
        stage_(make_event_index_stage(deps.index, deps.embedders, deps.searchable, false)) {}

  Status run() {
    const Status built = build();
    if (!built && number_ != 0 && !served_ && !early_ &&
        (!context_.stopping() || context_.cancelled())) {
      if (auto dropped = deps_.index.drop(type_, number_); !dropped) {
        log::warn(
            "the generation of a rebuild that ended early was not dropped",
            {{"type", type_}, {"generation", number_}, {"error", dropped.error().to_string()}});
      }
    }
    return built;
  }

 private:
  Status build() {
    MESH_TRY(begin());
    if (!served_) {
      MESH_TRY(fill());
      if (context_.stopping()) return stopped_early();
      if (!early_) MESH_TRY(insist(context_, [&] { return deps_.index.serve(type_, number_); }));
      served_ = true;
    }
    for (const auto& one : MESH_TRY(insist(context_, [&] { return deps_.index.generations(); }))) {
      const int number = one.info.number;
      if (one.type != type_ || number == number_ || number == previous_) continue;
      MESH_TRY(insist(context_, [&] { return deps_.index.drop(type_, number); }));
    }
    report(context_, done_, done_, checkpoint(),
           {{"type", type_},
            {"generation", number_},
            {"previous", previous_},
            {"documents", documents_},
            {"left_out", left_out_}});
    return {};
  }

  // The generation of the task's checkpoint, where it is still there, or a new one.
  Status begin() {
    const Json& kept = context_.task().checkpoint;
    const int begun = kept.is_object() ? kept.value("generation", 0) : 0;
    const auto all = MESH_TRY(insist(context_, [&] { return deps_.index.generations(); }));
    bool there = false;
    for (const auto& one : all) {
      if (one.type != type_) continue;
      if (one.info.serving) previous_ = one.info.number;
      there = there || (begun != 0 && one.info.number == begun);
    }
    if (there) {
      number_ = begun;
      documents_ = kept.value("documents", std::int64_t{0});
      steps_ = kept.value(kSteps, std::int64_t{0});
      left_out_ = kept.value("left_out", std::int64_t{0});
      places_ = kept.value("places", Json::object());
      if (previous_ == number_) {  // the process ended between the flip and the end
        early_ = kept.value("early", false);
        served_ = !early_;
        previous_ = kept.value("previous", 0);
      }
    }
    if (context_.stopping()) return stopped_early();
    if (!there) {
      const auto made =
          MESH_TRY(insist(context_, [&] { return deps_.index.create(type_, spec_); }));
      number_ = made.info.number;
      report(context_, 0, 0, checkpoint(), Json::object());
    }
    if (!served_) MESH_TRY(give_up_lost(all));
    // Also by whoever takes it over: he does not know for how long the one before has waited.
    if (!served_ && deps_.settle > Duration::zero()) context_.pause(deps_.settle);
    return {};
  }

  // A generation whose embedder cannot be had, as of a model whose folder is gone, can neither be
  // searched nor rolled back to, and no event is written while it is there. Where it serves, the
  // new one does at once: what it has already is more than nothing.
  Status give_up_lost(const std::vector<EventGeneration>& all) {
    for (const auto& one : all) {
      const int number = one.info.number;
      if (one.type != type_ || number == number_) continue;
      const auto had = deps_.embedders.of(one.info.spec);
      if (had) continue;
      if (number == previous_) {
        MESH_TRY(serve_early());
      }
      log::warn("a generation of an index of events is given up, since its embedder is gone",
                {{"generation", one.info.name}, {"error", had.error().to_string()}});
      MESH_TRY(insist(context_, [&] { return deps_.index.drop(type_, number); }));
    }
    return {};
  }

  // The checkpoint first: whoever finds that it serves, and no word of that it is not filled, would
  // take it for complete.
  Status serve_early() {
    const int lost = std::exchange(previous_, 0);
    early_ = true;
    auto served =
        insist(context_, [&] { return context_.progress(0, 0, checkpoint(), Json::object()); });
    if (served) {
      served = insist(context_, [&] { return deps_.index.serve(type_, number_); });
    }
    if (served) return {};
    early_ = false;
    previous_ = lost;
    return served;
  }

  Status fill() {
    const auto topic = MESH_TRY(topic_of(type_));
    const auto to =
        MESH_TRY(insist(context_, [&] { return ends(deps_.log, deps_.admin, {topic}); }));
    std::map<TopicPartition, std::int64_t> from;
    for (const auto& [partition, end] : to) {
      const auto start =
          MESH_TRY(insist(context_, [&] { return deps_.log.watermarks(partition); }));
      from[partition] = std::max(start.start, places_.value(place_of(partition), std::int64_t{0}));
      total_ += std::max<std::int64_t>(end - start.start, 0);
      done_ += std::max<std::int64_t>(std::min(from[partition], end) - start.start, 0);
    }
    for (const auto& [partition, end] : to) MESH_TRY(fill(partition, from[partition], end));
    return {};
  }

  Status fill(const TopicPartition& partition, std::int64_t from, std::int64_t end) {
    for (bool more = true; more;) {
      more = MESH_TRY(insist(context_, [&] { return fill_step(partition, from, end); }));
      if (context_.stopping()) return stopped_early();
    }
    return {};
  }

  // What one read has; false at the end. Read anew where it is tried again: in between nothing is
  // held in memory that an erasure may take out of the log meanwhile.
  Result<bool> fill_step(const TopicPartition& partition, std::int64_t& from, std::int64_t end) {
    bool any = false;
    Status written;
    const auto read =
        scan(deps_.log, partition, from, end, [&](std::vector<StoredRecord>& records) {
          any = true;
          written = write(records);
          if (!written) return false;
          const std::int64_t next = records.back().position.offset + 1;
          done_ += next - from;
          from = next;
          places_[place_of(partition)] = next;
          return false;
        });
    // Also of one that failed: an erasure waits until what was read before is held no more.
    ++steps_;
    if (any) report(context_, done_, total_, checkpoint(), Json::object());
    MESH_TRY(Status(read));
    MESH_TRY(std::move(written));
    return any;
  }

  // A record that is no event, one that the embedder refuses, and one that fails as often as a
  // pipeline would try it, is in no generation.
  Status write(const std::vector<StoredRecord>& records) {
    std::vector<StageInput> batch;
    for (const auto& record : records) {
      auto event = from_record(record);
      if (event && event->type == type_) batch.push_back({std::move(*event), record.position});
    }
    if (batch.empty()) return {};
    const auto results = stage_->process(batch, {});
    ++attempts_;
    std::int64_t fine = 0, left_out = 0;
    for (const auto& result : results) {
      const bool again = result.outcome == StageResult::Outcome::retry;
      if (result.outcome == StageResult::Outcome::outage) {
        attempts_ = 0;
        return fail(ErrorKind::unavailable, result.cause);
      }
      if (again && attempts_ < deps_.max_attempts) {
        return fail(ErrorKind::unavailable, result.cause);
      }
      const bool done = result.outcome == StageResult::Outcome::done;
      (done ? fine : left_out) += 1;
      if (!done) {
        log::warn("an event is left out of a generation of its index",
                  {{"type", type_}, {"generation", number_}, {"error", result.cause}});
      }
    }
    attempts_ = 0;
    documents_ += fine;
    left_out_ += left_out;
    return {};
  }

  Json checkpoint() const {
    return {{"generation", number_}, {"previous", previous_}, {"documents", documents_},
            {"left_out", left_out_}, {"places", places_},     {"early", early_},
            {kSteps, steps_}};
  }

  TaskContext& context_;
  const EventRebuildDeps& deps_;
  const std::string type_;
  const GenerationSpec spec_;
  const std::unique_ptr<Stage> stage_;
  int number_ = 0;
  int previous_ = 0;
  bool served_ = false;
  bool early_ = false;  // it serves and is not filled yet
  std::int64_t steps_ = 0;
  int attempts_ = 0;  // of what is being written, without outages
  std::int64_t done_ = 0, total_ = 0, documents_ = 0, left_out_ = 0;
  Json places_ = Json::object();
};

}  // namespace

Json rebuild_task(const std::string& type, const GenerationSpec& spec) {
  return {{"type", type},
          {"embedder", spec.embedder},
          {"dimension", spec.dimension},
          {"model", spec.model}};
}

std::optional<GenerationSpec> event_rebuild_spec(const Task& task) {
  if (!task.spec.is_object() || task.spec.value("type", "").empty()) return std::nullopt;
  return GenerationSpec{task.spec.value("dimension", 0), task.spec.value("embedder", ""),
                        task.spec.value("model", "")};
}

std::int64_t event_rebuild_steps(const Task& task) {
  return task.checkpoint.is_object() ? task.checkpoint.value(kSteps, std::int64_t{0}) : 0;
}

Status rebuild_events(TaskContext& context, const EventRebuildDeps& deps) {
  auto spec = event_rebuild_spec(context.task());
  if (!spec) return fail(ErrorKind::invalid, "the task names no type of events");
  return EventRebuild(context, deps, context.task().spec.at("type"), std::move(*spec)).run();
}

}  // namespace mesh::pipeline
