#include "daemon/pipeline/stages/projection_stages.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/base/json.h"
#include "common/base/time.h"
#include "daemon/pipeline/stages/cache_subjects.h"

namespace mesh::pipeline {
namespace {

using Outcome = StageResult::Outcome;

// Members of event data, read strictly: what is there must have the right type.
class DataReader {
 public:
  explicit DataReader(const Event& event) : event_(event) {
    auto data = parse_json(event.data);
    if (!data) {
      problem_ = data.error().message;
    } else if (!data->is_object()) {
      problem_ = "the data is not an object";
    } else {
      data_ = std::move(*data);
    }
  }

  std::string text(const char* name) {
    const auto member = data_.find(name);
    if (member == data_.end() || !member->is_string() || member->get_ref<std::string&>().empty()) {
      note(name, "a text that is not empty");
      return {};
    }
    return member->get<std::string>();
  }
  std::string timestamp() {
    return data_.contains("timestamp") ? text("timestamp") : time_text_of(event_);
  }
  Json object(const char* name, bool required) {
    const auto member = data_.find(name);
    if (member == data_.end() && !required) return Json::object();
    if (member == data_.end() || !member->is_object()) {
      note(name, "an object");
      return Json::object();
    }
    return *member;
  }
  // The member as it was written; an empty object where it is missing.
  Json as_written(const char* name) {
    return data_.contains(name) ? raw_json(member_text(event_.data, name)) : Json::object();
  }
  // Empty where everything was as it should be.
  const std::string& problem() const { return problem_; }

 private:
  void note(const char* name, const char* wanted) {
    if (problem_.empty()) problem_ = std::string("/") + name + " must be " + wanted;
  }

  const Event& event_;
  Json data_ = Json::object();
  std::string problem_;
};

StageResult failure_of(const char* cause_class, const Error& error) {
  return {error.retryable() ? Outcome::outage : Outcome::retry, cause_class, error.to_string()};
}

// Whatever became of the call: rows may be there though it failed.
template <typename Row>
void forget(ReadCache* cache, std::span<const Row> rows) {
  if (cache == nullptr || rows.empty()) return;
  std::map<std::pair<TenantId, std::string>, CacheSubject> subjects;
  for (const Row& row : rows) {
    CacheSubject subject = subject_of(row);
    subjects.try_emplace({subject.tenant, subject.name}, subject);
  }
  std::vector<CacheSubject> each;
  for (auto& [name, subject] : subjects) each.push_back(std::move(subject));
  cache->forget(each);
}

// Records in one call; where one of several rows is refused, one by one, so that it fails alone.
// `of[i]` is the input of rows[i].
template <typename Row, typename Write>
void record(Write write, std::span<const Row> rows, const std::vector<std::size_t>& of,
            const Through& through, std::vector<StageResult>& results) {
  // The offsets stand in the transaction of the rows: where an event is not done they stay, lest
  // they say that the rows are complete up to there.
  const bool all_done = std::ranges::all_of(results, [](const StageResult& result) {
    return result.outcome == Outcome::done || result.outcome == Outcome::dead;
  });
  if (rows.empty() && (!all_done || through.empty())) return;
  const Status recorded = write(rows, all_done ? through : Through{});
  if (recorded) return;
  const StageResult failure = failure_of("store", recorded.error());
  if (failure.outcome == Outcome::outage || rows.size() <= 1) {
    for (const std::size_t i : of) results[i] = failure;
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Status alone = write(rows.subspan(i, 1), Through{});
    if (!alone) results[of[i]] = failure_of("store", alone.error());
  }
}

// Whatever became of the write, what is kept of its rows is forgotten.
template <typename Row, typename Store>
auto writes_to(Store& store, ReadCache* cache) {
  return [&store, cache](std::span<const Row> rows, const Through& through) {
    const Status recorded = store.record(rows, through);
    forget(cache, rows);
    return recorded;
  };
}

class AnalyticsStage final : public Stage {
 public:
  AnalyticsStage(AnalyticsStore& store, Clock& clock, ReadCache* cache)
      : store_(store), clock_(clock), cache_(cache) {}

  std::vector<StageResult> process(std::span<const StageInput> batch,
                                   const Through& through) override {
    std::vector<StageResult> results(batch.size());
    std::vector<AnalyticsEvent> rows;
    std::vector<std::size_t> of;
    rows.reserve(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Event& event = batch[i].event;
      // Done, as is every type that this projection does not keep.
      if (event.type != "analytics.recorded") continue;
      DataReader data(event);
      AnalyticsEvent row{event.id,
                         event.source,
                         event.tenant,
                         data.text("user_id"),
                         data.text("event_type"),
                         data.timestamp(),
                         data.object("metadata", false),
                         clock_.now(),
                         event.time};
      if (!data.problem().empty()) {
        results[i] = {Outcome::dead, "schema", data.problem()};
        continue;
      }
      // The text itself, since a number that was parsed may be written otherwise.
      row.metadata = data.as_written("metadata");
      rows.push_back(std::move(row));
      of.push_back(i);
    }
    record<AnalyticsEvent>(writes_to<AnalyticsEvent>(store_, cache_), rows, of, through, results);
    return results;
  }

 private:
  AnalyticsStore& store_;
  Clock& clock_;
  ReadCache* const cache_;
};

class ChemicalStage final : public Stage {
 public:
  ChemicalStage(PropertyExtractor& extractor, ChemicalStore& store, Clock& clock, ReadCache* cache)
      : extractor_(extractor), store_(store), clock_(clock), cache_(cache) {}

  std::vector<StageResult> process(std::span<const StageInput> batch,
                                   const Through& through) override {
    std::vector<StageResult> results(batch.size());
    std::vector<ChemicalEvent> rows;
    std::vector<std::size_t> of;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Event& event = batch[i].event;
      if (event.type != "chemical.recorded") continue;
      auto row = read(event, results[i]);
      if (!row) continue;
      rows.push_back(std::move(*row));
      of.push_back(i);
    }
    if (!rows.empty()) extract(batch, rows, of, results);
    record<ChemicalEvent>(writes_to<ChemicalEvent>(store_, cache_), rows, of, through, results);
    return results;
  }

 private:
  std::optional<ChemicalEvent> read(const Event& event, StageResult& result) {
    DataReader data(event);
    ChemicalEvent row{event.id,
                      event.source,
                      event.tenant,
                      data.text("molecule_id"),
                      data.text("researcher"),
                      data.timestamp(),
                      data.object("data", true),
                      Json::object(),
                      clock_.now(),
                      event.time};
    if (data.problem().empty()) return row;
    result = {Outcome::dead, "schema", data.problem()};
    return std::nullopt;
  }

  // Leaves the rows that have their properties. One whose molecule has an earlier event that has
  // not waits behind it.
  void extract(std::span<const StageInput> batch, std::vector<ChemicalEvent>& rows,
               std::vector<std::size_t>& of, std::vector<StageResult>& results) {
    auto properties = extractor_.extract(rows);
    // Missing answers are the extractor's fault: those events are tried again.
    properties.resize(rows.size(), fail(ErrorKind::internal, "the extractor left it out"));
    std::set<std::pair<TenantId, std::string>> waiting;  // molecules whose earlier event failed
    std::size_t kept = 0;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const Event& event = batch[of[n]].event;
      StageResult& result = results[of[n]];
      if (waiting.contains({event.tenant, event.subject})) {
        result = {Outcome::retry, "order", "an earlier event of the molecule failed"};
        continue;
      }
      if (!properties[n]) {
        result = failure_of("extract", properties[n].error());
        // What dies is never tried again, so nothing has to wait behind it.
        if (properties[n].error().kind == ErrorKind::unprocessable) {
          result.outcome = Outcome::dead;
        } else {
          waiting.emplace(event.tenant, event.subject);
        }
        continue;
      }
      rows[n].data = DataReader(event).as_written("data");
      rows[n].llm_properties = std::move(*properties[n]);
      if (kept != n) rows[kept] = std::move(rows[n]);
      of[kept++] = of[n];
    }
    rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(kept), rows.end());
    of.resize(kept);
  }

  PropertyExtractor& extractor_;
  ChemicalStore& store_;
  Clock& clock_;
  ReadCache* const cache_;
};

class MeteringStage final : public Stage {
 public:
  MeteringStage(UsageStore& store, Clock& clock) : store_(store), clock_(clock) {}

  std::vector<StageResult> process(std::span<const StageInput> batch,
                                   const Through& through) override {
    std::vector<StageResult> results(batch.size());
    std::vector<UsageIncrement> rows;
    std::vector<std::size_t> of;
    const Timestamp now = clock_.now();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      const Event& event = batch[i].event;
      if (event.type != "billing.usage.incremented") continue;
      auto row = usage_of(event);
      if (!row) {
        results[i] = {Outcome::dead, "schema", row.error().to_string()};
      } else if (row->time < now - kUsageTakenFor) {
        results[i] = {Outcome::dead, "late",
                      "its period ended more than 30 days ago: whether it was counted is not "
                      "known any more"};
      } else {
        rows.push_back(std::move(*row));
        of.push_back(i);
      }
    }
    const auto write = [&](std::span<const UsageIncrement> some, const Through& to) {
      return store_.record(some, to, now);
    };
    record<UsageIncrement>(write, rows, of, through, results);
    return results;
  }

 private:
  UsageStore& store_;
  Clock& clock_;
};

}  // namespace

std::unique_ptr<Stage> make_metering_stage(UsageStore& store, Clock& clock) {
  return std::make_unique<MeteringStage>(store, clock);
}

std::unique_ptr<Stage> make_analytics_stage(AnalyticsStore& store, Clock& clock, ReadCache* cache) {
  return std::make_unique<AnalyticsStage>(store, clock, cache);
}

std::unique_ptr<Stage> make_chemical_stage(PropertyExtractor& extractor, ChemicalStore& store,
                                           Clock& clock, ReadCache* cache) {
  return std::make_unique<ChemicalStage>(extractor, store, clock, cache);
}

}  // namespace mesh::pipeline
