#include "daemon/pipeline/event_index/event_documents.h"

#include "common/base/strings.h"
#include "common/domain/erasure.h"

namespace mesh::pipeline {
namespace {

constexpr std::size_t kMaxTitle = 256;  // bytes, as EventDocument has it

}  // namespace

Result<std::optional<EventText>> event_text(const Event& event, const Position& position,
                                            const SearchableOf& searchable) {
  const std::optional<EventText> nothing;
  const auto what = MESH_TRY(searchable(event.tenant, event.type));
  if (what == nullptr) return nothing;
  const auto data = parse_json(event.data);
  if (!data || !data->is_object()) return nothing;
  std::string text = searchable_text(*what, *data);
  if (text.empty()) return nothing;
  EventDocument document{.tenant = event.tenant,
                         .type = event.type,
                         .event_id = event.id,
                         .subject = is_of_users(position.topic) ? event.subject : std::string(),
                         .position = position,
                         .time = event.time,
                         .title = std::string(cut_at_character(text, kMaxTitle)),
                         .fields = field_values(*what, *data),
                         .terms = terms_of(text)};
  return std::optional(EventText{std::move(document), std::move(text)});
}

Status add_vectors(std::vector<EventText>& texts,
                   const std::vector<std::shared_ptr<Embedder>>& embedders, bool billed) {
  if (texts.empty()) return {};
  std::vector<TenantText> asked;
  asked.reserve(texts.size());
  for (const auto& [document, text] : texts) asked.push_back({document.tenant, text, billed});
  for (const auto& embedder : embedders) {
    auto vectors = MESH_TRY(embedder->embed(asked));
    // Which vector is whose is not known, and no event is to blame.
    if (vectors.size() != texts.size()) {
      return fail(ErrorKind::unavailable, "the embedder answered " +
                                              std::to_string(vectors.size()) + " vectors for " +
                                              std::to_string(texts.size()) + " texts");
    }
    const std::string id = embedder->id();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      texts[i].document.vectors[id] = std::move(vectors[i]);
    }
  }
  return {};
}

}  // namespace mesh::pipeline
