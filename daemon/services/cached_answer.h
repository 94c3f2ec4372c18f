// An answer that is taken from the read cache, or computed and kept there.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "common/base/error.h"
#include "common/ports/read_cache.h"

namespace mesh::services {

// `compute` makes the text: Result<std::string>(); its errors are not kept. Null: there is no
// cache.
template <typename Compute>
Result<std::string> cached_answer(ReadCache* cache, const CacheSubject& subject,
                                  std::string_view question, Compute compute) {
  if (cache == nullptr) return compute();
  auto found = cache->find(subject, question);
  if (found.answer) return std::move(*found.answer);
  auto answer = compute();
  if (answer && !found.ticket.empty()) cache->keep(subject, question, found.ticket, *answer);
  return answer;
}

}  // namespace mesh::services
