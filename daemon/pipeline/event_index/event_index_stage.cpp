#include "daemon/pipeline/event_index/event_index_stage.h"

#include <algorithm>
#include <set>

namespace mesh::pipeline {
namespace {

using Outcome = StageResult::Outcome;

// A generation that is made between the look and the write is seen by the next look.
constexpr int kLooks = 3;

class EventIndexStage final : public Stage {
 public:
  EventIndexStage(EventIndex& index, Embedders& embedders, SearchableOf searchable, bool billed)
      : index_(index), embedders_(embedders), searchable_(std::move(searchable)), billed_(billed) {}

  // The index keeps no offsets: an event that is written twice is there once.
  std::vector<StageResult> process(std::span<const StageInput> batch, const Through&) override {
    std::vector<StageResult> results(batch.size());
    std::vector<EventText> texts;
    std::vector<std::size_t> of;  // texts[i] is of batch[of[i]]
    for (std::size_t i = 0; i < batch.size(); ++i) {
      auto text = event_text(batch[i].event, batch[i].position, searchable_);
      if (!text) {
        // The others would meet the same.
        results.assign(batch.size(), refusal(text.error()));
        return results;
      }
      if (!*text) continue;
      texts.push_back(std::move(**text));
      of.push_back(i);
    }
    const auto written = write(texts);
    if (written) return results;
    const StageResult failure = refusal(written.error());
    if (failure.outcome == Outcome::outage || texts.size() == 1) {
      for (const std::size_t i : of) results[i] = failure;
      return results;
    }
    // One of them is refused: one by one, so that it fails alone. They have no order to keep.
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::vector<EventText> one;
      one.push_back(std::move(texts[i]));
      const auto alone = write(one);
      if (!alone) results[of[i]] = refusal(alone.error());
    }
    return results;
  }

 private:
  Status write(std::vector<EventText>& texts) {
    if (texts.empty()) return {};
    Status written;
    for (int look = 0; look < kLooks; ++look) {
      MESH_TRY(add_vectors(texts, MESH_TRY(embedders_of(texts)), billed_));
      std::vector<EventDocument> documents;
      documents.reserve(texts.size());
      for (const auto& text : texts) documents.push_back(text.document);
      written = index_.apply(documents);
      if (written || written.error().kind != ErrorKind::conflict) return written;
    }
    Error error = written.error();
    error.kind = ErrorKind::unavailable;
    return fail(std::move(error));
  }

  // Of all generations of the types, each once.
  Result<std::vector<std::shared_ptr<Embedder>>> embedders_of(const std::vector<EventText>& texts) {
    std::set<std::string_view> types;
    for (const auto& text : texts) types.insert(text.document.type);
    std::set<std::string> seen;
    std::vector<std::shared_ptr<Embedder>> all;
    for (const auto& [type, number, spec, serving] : MESH_TRY(index_.specs())) {
      if (!types.contains(type) || !seen.insert(spec.embedder).second) continue;
      all.push_back(MESH_TRY(embedders_.of(spec)));
    }
    return all;
  }

  static StageResult refusal(const Error& error) {
    const Outcome outcome = error.retryable()                        ? Outcome::outage
                            : error.kind == ErrorKind::unprocessable ? Outcome::dead
                                                                     : Outcome::retry;
    return {outcome, "index", error.to_string()};
  }

  EventIndex& index_;
  Embedders& embedders_;
  const SearchableOf searchable_;
  const bool billed_;
};

}  // namespace

std::unique_ptr<Stage> make_event_index_stage(EventIndex& index, Embedders& embedders,
                                              SearchableOf searchable, bool billed) {
  return std::make_unique<EventIndexStage>(index, embedders, std::move(searchable), billed);
}

}  // namespace mesh::pipeline
