// Events to documents of the event index: one way for indexing, rebuilds and watches.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/domain/searchable.h"
#include "common/ports/embedders.h"
#include "common/ports/event_index.h"

namespace mesh::pipeline {

// What of a tenant's events of a type is searchable; null: nothing. `unavailable` where the
// tenant's record could never be read. Any thread; does not block.
using SearchableOf = std::function<Result<std::shared_ptr<const Searchable>>(
    const TenantId& tenant, std::string_view type)>;

// The types that are searchable for at least one tenant, each with its turn: the place that it has
// among its tenant's types, from 0, the lowest of all tenants; 0 of the catalogue's.
using SearchableTypes = std::map<std::string, int>;

struct EventText {
  EventDocument document;  // without vectors
  std::string text;        // that they are made of
};

// Nothing for an event that is not searchable, or of which nothing is: no JSON object, no text.
Result<std::optional<EventText>> event_text(const Event& event, const Position& position,
                                            const SearchableOf& searchable);

// Adds the vectors of each embedder to the documents; the error of the first embedder that fails.
// Texts are billed to their tenants where `billed`.
Status add_vectors(std::vector<EventText>& texts,
                   const std::vector<std::shared_ptr<Embedder>>& embedders, bool billed);

}  // namespace mesh::pipeline
