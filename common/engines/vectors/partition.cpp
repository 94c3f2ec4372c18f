#include "common/engines/vectors/partition.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <shared_mutex>

#include "common/base/ids.h"
#include "common/domain/user.h"
#include "common/engines/vectors/shortlist.h"

namespace mesh::vectors {
namespace {

// How many of the best by their sketches are scored to find a score that the k best reach.
std::size_t leaders_for(std::size_t k) { return k + 22; }

// Candidates whose planes are on the way while others are scored.
constexpr std::size_t kWaiting = 12;

// Of so many users with one name or address all are scored.
constexpr std::size_t kMostEqual = 1000;
// So many of the best compete for the order by prefix, however few are wanted, so that the first of
// one is the first of ten.
constexpr std::size_t kCompeting = 10;

std::uint32_t text_hash(std::string_view key) {
  return static_cast<std::uint32_t>(stable_hash(key));
}

void fetch(const void* bytes, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 64) {
    __builtin_prefetch(static_cast<const char*>(bytes) + i);
  }
}

}  // namespace

bool FineBudget::take(std::uint64_t bytes) {
  auto have = left.load(std::memory_order_relaxed);
  while (have >= bytes) {
    if (left.compare_exchange_weak(have, have - bytes, std::memory_order_relaxed)) return true;
  }
  return false;
}

PartitionMemory::PartitionMemory(int dim, FineBudget& fine_budget, std::size_t from)
    : dimension(dim),
      length(padded(dim)),
      approximate_from(from),
      sketch_shape(dim),
      chunks(TenantPartition::chunk_bytes(length)),
      fine_chunks(TenantPartition::kChunkSlots * length),
      sketch_pieces(Sketches::kPieceBlocks * sketch_shape.block_bytes()),
      budget(fine_budget) {}

PartitionMemory::~PartitionMemory() { budget.give_back(fine_taken); }

TenantPartition::TenantPartition(std::int64_t id, PartitionMemory& memory)
    : id_(id),
      memory_(memory),
      slots_(SlotKey{this}),
      sketches_(memory.sketch_shape, memory.sketch_pieces) {}

// A chunk: the high planes, then the user ids, the texts and the scales of its slots.
std::size_t TenantPartition::chunk_bytes(std::size_t length) {
  return kChunkSlots * (length + sizeof(std::int64_t) + sizeof(const char*) + sizeof(float));
}

std::uint8_t* TenantPartition::high(std::uint32_t slot) const {
  return chunks_[slot / kChunkSlots].base + slot % kChunkSlots * memory_.length;
}
std::int8_t* TenantPartition::low(std::uint32_t slot) const {
  return chunks_[slot / kChunkSlots].fine + slot % kChunkSlots * memory_.length;
}
std::int64_t& TenantPartition::user_id(std::uint32_t slot) const {
  auto* ids = chunks_[slot / kChunkSlots].base + kChunkSlots * memory_.length;
  return reinterpret_cast<std::int64_t*>(ids)[slot % kChunkSlots];
}
const char*& TenantPartition::text(std::uint32_t slot) const {
  auto* texts =
      chunks_[slot / kChunkSlots].base + kChunkSlots * (memory_.length + sizeof(std::int64_t));
  return reinterpret_cast<const char**>(texts)[slot % kChunkSlots];
}
float& TenantPartition::scale(std::uint32_t slot) const {
  auto* scales = chunks_[slot / kChunkSlots].base +
                 kChunkSlots * (memory_.length + sizeof(std::int64_t) + sizeof(const char*));
  return reinterpret_cast<float*>(scales)[slot % kChunkSlots];
}

void TenantPartition::upsert(std::int64_t id, const CodeView& code, TextPool::Pair email_and_name) {
  // Before the lock: pools are changed by this thread alone, and searches go on meanwhile.
  const char* added = memory_.texts.take(email_and_name);
  std::unique_lock lock(mutex_);
  auto slot = slots_.find(id);
  if (slot == slots_.kNone) {
    slot = append(id);
  } else {
    unlist_texts(slot);
    memory_.texts.give_back(text(slot));
  }
  text(slot) = added;
  list_texts(slot);
  write(slot, code);
  keep_sketches();
}

bool TenantPartition::remove(std::int64_t id) {
  std::unique_lock lock(mutex_);
  const auto slot = slots_.find(id);
  if (slot == slots_.kNone) return false;
  slots_.erase(id);
  unlist_texts(slot);
  memory_.texts.give_back(text(slot));
  // The last one fills the gap, so that slots stay dense and a scan passes nothing over.
  const auto last = static_cast<std::uint32_t>(size() - 1);
  if (slot != last) move(last, slot);
  drop_last();
  keep_sketches();
  return true;
}

std::uint32_t TenantPartition::append(std::int64_t id) {
  const auto slot = static_cast<std::uint32_t>(size());
  if (slot == chunks_.size() * kChunkSlots) add_chunk();
  size_.store(slot + 1, std::memory_order_relaxed);
  user_id(slot) = id;
  slots_.insert(slot);
  return slot;
}

void TenantPartition::list_texts(std::uint32_t slot) {
  const auto [email, name] = TextPool::read(text(slot));
  emails_.insert(text_hash(email_key(email)), slot);
  names_.insert(text_hash(name_key(name)), slot);
}

void TenantPartition::unlist_texts(std::uint32_t slot) {
  const auto [email, name] = TextPool::read(text(slot));
  emails_.erase(text_hash(email_key(email)), slot);
  names_.erase(text_hash(name_key(name)), slot);
}

// Those whom the text matches exactly, coarsely scored.
std::vector<Candidate> TenantPartition::exact_matches(const Query& query,
                                                      const SearchText& wanted) const {
  std::vector<Candidate> found;
  if (wanted.empty()) return found;
  const auto add = [&](const SlotLists& lists, const std::string& key) {
    std::size_t looked_at = 0;
    for (auto slot = lists.first(text_hash(key));
         slot != SlotLists::kNone && looked_at < kMostEqual; slot = lists.next(slot), ++looked_at) {
      const auto [email, name] = TextPool::read(text(slot));
      if (wanted.match(email, name) != TextMatch::exact) continue;
      std::int32_t dot = 0;
      dot_rows(high(slot), memory_.length, 1, query.code(), &dot);
      found.push_back({query.coarse_score(scale(slot), dot), user_id(slot), slot});
    }
  };
  add(emails_, wanted.email_key());
  add(names_, wanted.name_key());
  const auto by_slot = [](const Candidate& c) { return c.slot; };
  std::ranges::sort(found, {}, by_slot);  // some have the text twice
  const auto twice = std::ranges::unique(found, {}, by_slot);
  found.erase(twice.begin(), twice.end());
  return found;
}

void TenantPartition::add_chunk() {
  Chunk chunk{memory_.chunks.take(), nullptr};
  std::memset(chunk.base, 0, memory_.chunks.chunk_bytes());
  const std::size_t fine_bytes = memory_.fine_chunks.chunk_bytes();
  if (fine_ && memory_.budget.take(fine_bytes)) {
    memory_.fine_taken += fine_bytes;
    chunk.fine = reinterpret_cast<std::int8_t*>(memory_.fine_chunks.take());
    std::memset(chunk.fine, 0, fine_bytes);
  } else if (fine_) {
    fine_ = false;
    // All or none: a search scores its candidates from memory or from the file, never some of each.
    for (auto& earlier : chunks_) release_fine(earlier);
  }
  chunks_.push_back(chunk);
}

void TenantPartition::write(std::uint32_t slot, const CodeView& code) {
  std::memcpy(high(slot), code.high.data(), code.high.size());
  if (fine_) std::memcpy(low(slot), code.low.data(), code.low.size());
  scale(slot) = code.scale;
  // Never lowered: too large a margin costs a few candidates, too small a one the right answer.
  largest_scale_ = std::max(largest_scale_, code.scale);
  if (slot < sketches_.size()) sketches_.write(slot, high(slot), code.scale);
}

void TenantPartition::move(std::uint32_t from, std::uint32_t to) {
  // First, while the slot of `from` still holds the id by which the table finds it.
  slots_.move(user_id(from), to);
  unlist_texts(from);
  std::memcpy(high(to), high(from), memory_.length);
  if (fine_) std::memcpy(low(to), low(from), memory_.length);
  user_id(to) = user_id(from);
  text(to) = text(from);
  list_texts(to);
  scale(to) = scale(from);
  if (to < sketches_.size()) sketches_.write(to, high(to), scale(to));
}

void TenantPartition::drop_last() {
  const std::size_t left = size() - 1;
  size_.store(left, std::memory_order_relaxed);
  if (left % kChunkSlots != 0) return;
  memory_.chunks.give_back(chunks_.back().base);
  release_fine(chunks_.back());
  chunks_.pop_back();
}

void TenantPartition::release_fine(Chunk& chunk) {
  if (chunk.fine == nullptr) return;
  memory_.fine_chunks.give_back(reinterpret_cast<std::uint8_t*>(chunk.fine));
  memory_.fine_taken -= memory_.fine_chunks.chunk_bytes();
  memory_.budget.give_back(memory_.fine_chunks.chunk_bytes());
  chunk.fine = nullptr;
}

// After each change. Whole blocks only: a search scores the slots beyond them one by one. What a
// partition that has just become large lacks is made up in steps, each short under the lock.
void TenantPartition::keep_sketches() {
  constexpr int kStep = 4;  // blocks: some tenths of a millisecond
  const std::size_t count = size();
  if (count >= memory_.approximate_from) {
    for (int i = 0; i < kStep && sketches_.size() + kSketchBlock <= count; ++i) {
      const auto begin = static_cast<std::uint32_t>(sketches_.size());
      sketches_.add_block();
      for (auto slot = begin; slot < sketches_.size(); ++slot) {
        sketches_.write(slot, high(slot), scale(slot));
      }
    }
  }
  // One that shrinks keeps them for a while, lest it make them again and again.
  const bool small = count < memory_.approximate_from / 2;
  while (sketches_.size() > (small ? 0 : count)) sketches_.drop_block();
}

// All from slot `begin` on.
void TenantPartition::scan(const Query& query, std::size_t begin, Shortlist& list) const {
  const std::size_t count = size();
  std::int32_t dots[kChunkSlots];
  for (std::size_t first = begin; first < count; first += kChunkSlots) {
    const auto slot = static_cast<std::uint32_t>(first);
    const std::size_t n = std::min(kChunkSlots, count - first);
    const float* scales = &scale(slot);
    const std::int64_t* ids = &user_id(slot);
    dot_rows(high(slot), memory_.length, n, query.code(), dots);
    for (std::size_t i = 0; i < n; ++i) {
      const float score = query.coarse_score(scales[i], dots[i]);
      if (score >= list.floor()) {
        list.add({score, ids[i], slot + static_cast<std::uint32_t>(i)});
      }
    }
  }
}

// First the leaders by their sketches are scored: their k-th is a score that the k best must reach.
// Then those whose estimate says that they may reach it. The leaders are scored whatever the
// estimates are worth, so that k vectors are always found.
void TenantPartition::scan_sketches(const Query& query, const SketchQuery& sketch, std::size_t k,
                                    Shortlist& list) const {
  std::uint32_t waiting[kWaiting];
  std::size_t found = 0, scored = 0;
  const auto score_next = [&] {
    const auto slot = waiting[scored++ % kWaiting];
    std::int32_t dot = 0;
    dot_rows(high(slot), memory_.length, 1, query.code(), &dot);
    const float score = query.coarse_score(scale(slot), dot);
    if (score >= list.floor()) list.add({score, user_id(slot), slot});
  };
  // Kept by the thread: its buffers are some 260 KiB, which each search would else allocate.
  thread_local Sketches::Survey survey;
  // Those with an estimate from `least` to below `end`.
  const auto score_from = [&](float least, float end) {
    for (std::size_t block = 0; block < survey.best.size(); ++block) {
      if (survey.best[block] < least) continue;
      const float* estimates = survey.estimates.data() + block * kSketchBlock;
      for (auto mask = sketch_mask(estimates, least); mask != 0; mask &= mask - 1) {
        const auto at = static_cast<std::size_t>(std::countr_zero(mask));
        if (estimates[at] >= end) continue;
        const auto slot = static_cast<std::uint32_t>((survey.begin + block) * kSketchBlock + at);
        fetch(high(slot), memory_.length);
        fetch(&scale(slot), sizeof(float));
        // By now the planes of the oldest one have come into the cache.
        if (found - scored == kWaiting) score_next();
        waiting[found++ % kWaiting] = slot;
      }
    }
    while (scored < found) score_next();
  };
  constexpr float kAll = std::numeric_limits<float>::infinity();
  for (std::size_t begin = 0; begin < sketches_.blocks(); begin += Sketches::Survey::kMostBlocks) {
    sketches_.survey(sketch, begin, survey);
    if (begin == 0) {
      const float leading = survey.reached_by(leaders_for(k));
      score_from(leading, kAll);
      score_from(list.floor() - sketch.margin, leading);
    } else {
      score_from(list.floor() - sketch.margin, kAll);
    }
  }
}

TenantPartition::Found TenantPartition::search(const TenantId& tenant, const Query& query, int k,
                                               float min_score, const SearchText& wanted) const {
  const auto first = static_cast<std::size_t>(k);
  const auto count = wanted.empty() ? first : std::max(first, kCompeting);
  std::optional<SketchQuery> sketch;  // made outside the lock
  if (size() >= memory_.approximate_from) sketch.emplace(memory_.sketch_shape, query.unit());
  Found found;
  std::shared_lock lock(mutex_);
  Shortlist list(count, query.margin(largest_scale_), query.cosine_of(min_score));
  // There must be enough blocks for the leaders to be found among them.
  const bool sketched =
      sketch && leaders_for(count) <= std::min(sketches_.blocks(), Sketches::Survey::kMostBlocks);
  scan(query, sketched ? sketches_.size() : 0, list);
  if (sketched) scan_sketches(query, *sketch, count, list);
  auto candidates = std::move(list).finish();
  auto exact = exact_matches(query, wanted);
  // One that matches exactly is a hit already, and must not be one twice.
  std::erase_if(candidates, [&](const Candidate& c) {
    return std::ranges::binary_search(exact, c.slot, {}, [](const Candidate& e) { return e.slot; });
  });
  if (!fine_) {
    // Each of these costs a read of the file, so that not all within the margin are looked at.
    keep_best(candidates, 4 * count + 32);
    keep_best(exact, 4 * first + 32);
    found.inexact = std::move(candidates);
    found.inexact.insert(found.inexact.end(), exact.begin(), exact.end());
    return found;
  }
  const auto add_best = [&](std::vector<Candidate>& of, std::size_t most, float least) {
    for (const auto& c : of) {
      fetch(high(c.slot), memory_.length);
      fetch(low(c.slot), memory_.length);
      fetch(text(c.slot), 1);
    }
    for (auto& c : of) c.score = query.fine_score(scale(c.slot), high(c.slot), low(c.slot));
    keep_best(of, most);
    for (const auto& c : of) {
      if (c.score < least) break;
      const auto texts = TextPool::read(text(c.slot));
      found.hits.push_back(
          {c.user_id, tenant, c.score, std::string(texts.first), std::string(texts.second)});
    }
  };
  found.hits.reserve(count);
  // Below every score: an exact match is a hit whatever its score.
  add_best(exact, first, -2);
  add_best(candidates, count, min_score);
  // Texts are compared without it; what is compared was copied.
  lock.unlock();
  if (!wanted.empty()) keep_first(found.hits, wanted, first);
  return found;
}

}  // namespace mesh::vectors
