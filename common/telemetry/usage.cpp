#include "common/telemetry/usage.h"

#include <algorithm>
#include <bit>

namespace mesh {
namespace {

using Amounts = std::array<std::uint64_t, kUses>;

// Enough for each second of the longest window, and some that lie before it.
constexpr std::size_t kMarks = 64;

}  // namespace

// Totals since the start, and how they stood at the end of the last kMarks seconds in which there
// was something to add: what was used in a window is the difference. So nothing is counted twice or
// lost at the turn of a second, as would be with a counter per second that has to be cleared.
class Usage::Tenant {
 public:
  // `billed`: where its billed uses are counted; null: here, until bill_in().
  Tenant(std::string name, UsageJournal::Counters* billed)
      : name_(std::move(name)), billed_(billed) {}
  const std::string& name() const { return name_; }
  bool is_billed() const { return billed_.load(std::memory_order_acquire) != nullptr; }
  void bill_in(UsageJournal::Counters* billed) { billed_.store(billed, std::memory_order_release); }

  void add(std::int64_t second, std::initializer_list<Amount> amounts) {
    auto current = second_.load(std::memory_order_relaxed);
    if (current < second &&
        second_.compare_exchange_strong(current, second, std::memory_order_relaxed)) {
      mark(current);
    }
    for (const auto& [use, n] : amounts) {
      counter(static_cast<std::size_t>(use)).fetch_add(n, std::memory_order_relaxed);
    }
  }

  Amounts used_after(std::int64_t second) const {
    // The newest mark at or before `second`. There are at most 60 seconds behind it, so it is never
    // among the oldest marks, which a writer may be replacing.
    const Mark* from = nullptr;
    const auto marks = marked_.load(std::memory_order_acquire);
    for (std::size_t back = 1; back <= std::min(marks, kMarks) && from == nullptr; ++back) {
      const Mark& mark = marks_[(marks - back) % kMarks];
      if (mark.second.load(std::memory_order_relaxed) <= second) from = &mark;
    }
    const bool idle = second_.load(std::memory_order_relaxed) <= second;
    Amounts used{};
    for (std::size_t i = 0; i < kUses && !idle; ++i) {
      const auto before = from == nullptr ? 0 : from->totals[i].load(std::memory_order_relaxed);
      used[i] = total(i) - before;
    }
    return used;
  }

  std::uint64_t total(std::size_t use) const {
    if (use >= kBilledUses) return others_[use - kBilledUses].load(std::memory_order_relaxed);
    const auto* billed = billed_.load(std::memory_order_acquire);
    // What was counted before there was room in the journal stays here.
    return own_[use].load(std::memory_order_relaxed) +
           (billed == nullptr ? 0 : (*billed)[use].load(std::memory_order_relaxed));
  }

 private:
  struct Mark {
    std::atomic<std::int64_t> second{0};
    std::array<std::atomic<std::uint64_t>, kUses> totals{};
  };

  // Only the thread that moved second_ on comes here; the next does a second later.
  void mark(std::int64_t ended) {
    const auto n = marked_.load(std::memory_order_relaxed);
    Mark& mark = marks_[n % kMarks];
    mark.second.store(ended, std::memory_order_relaxed);
    for (std::size_t i = 0; i < kUses; ++i) {
      mark.totals[i].store(total(i), std::memory_order_relaxed);
    }
    marked_.store(n + 1, std::memory_order_release);
  }

  std::atomic<std::uint64_t>& counter(std::size_t use) {
    if (use >= kBilledUses) return others_[use - kBilledUses];
    auto* billed = billed_.load(std::memory_order_acquire);
    return billed == nullptr ? own_[use] : (*billed)[use];
  }

  const std::string name_;
  std::array<std::atomic<std::uint64_t>, kBilledUses> own_{};
  std::atomic<UsageJournal::Counters*> billed_;
  std::atomic<std::int64_t> second_{0};  // of the last addition
  std::array<std::atomic<std::uint64_t>, kUses - kBilledUses> others_{};
  std::array<Mark, kMarks> marks_;
  std::atomic<std::size_t> marked_{0};
};

Usage::Usage(Clock& clock, std::size_t max_tenants)
    : clock_(clock),
      start_(clock.steady()),
      max_tenants_(max_tenants),
      // At most half full, so that probing stays short, and never without an empty place.
      places_(std::bit_ceil(2 * max_tenants + 1)),
      others_(std::make_unique<Tenant>(std::string(kOthers), nullptr)) {}

Usage::~Usage() {
  for (auto& place : places_) delete place.load(std::memory_order_relaxed);
}

// From 1, so that the second 0 of a tenant is before everything.
std::int64_t Usage::second() const {
  return 1 + std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - start_).count();
}

void Usage::add(std::string_view tenant, std::initializer_list<Amount> amounts) {
  Tenant& found = find(tenant);
  if (journal_ != nullptr && &found != others_.get() && !found.is_billed()) {
    // There was no room for it in the journal; there may be now.
    if (auto* billed = journal_->find(tenant)) found.bill_in(billed);
  }
  found.add(second(), amounts);
  if (journal_ == nullptr || &found != others_.get()) return;
  // Bills need names.
  for (const auto& [use, n] : amounts) {
    if (n == 0 || static_cast<std::size_t>(use) >= kBilledUses) continue;
    if (auto* billed = journal_->find(tenant)) {
      (*billed)[static_cast<std::size_t>(use)].fetch_add(n, std::memory_order_relaxed);
    }
  }
}

Usage::Tenant& Usage::find(std::string_view tenant) {
  const std::size_t mask = places_.size() - 1;
  std::unique_ptr<Tenant> made;
  for (std::size_t at = std::hash<std::string_view>{}(tenant)&mask;; at = (at + 1) & mask) {
    Tenant* there = places_[at].load(std::memory_order_acquire);
    if (there == nullptr) {
      if (made == nullptr) {
        // Counted before it is made: a flood of new names stays within the bound.
        if (tenants_.fetch_add(1, std::memory_order_relaxed) >= max_tenants_) {
          tenants_.fetch_sub(1, std::memory_order_relaxed);
          return *others_;
        }
        made = std::make_unique<Tenant>(std::string(tenant),
                                        journal_ == nullptr ? nullptr : journal_->find(tenant));
      }
      if (places_[at].compare_exchange_strong(there, made.get(), std::memory_order_acq_rel)) {
        return *made.release();
      }
    }
    if (there->name() == tenant) {
      if (made != nullptr) tenants_.fetch_sub(1, std::memory_order_relaxed);
      return *there;
    }
  }
}

std::vector<Usage::Row> Usage::window(std::chrono::seconds window) const {
  return rows_after(second() - std::clamp<std::int64_t>(window.count(), 1, kLongest.count()));
}

// Before every mark: nothing is subtracted.
std::vector<Usage::Row> Usage::totals() const { return rows_after(-1); }

std::uint64_t Usage::total(std::string_view tenant, Use use) const {
  const std::size_t mask = places_.size() - 1;
  for (std::size_t at = std::hash<std::string_view>{}(tenant)&mask;; at = (at + 1) & mask) {
    const Tenant* there = places_[at].load(std::memory_order_acquire);
    if (there == nullptr) return 0;
    if (there->name() == tenant) return there->total(static_cast<std::size_t>(use));
  }
}

std::vector<Usage::Row> Usage::rows_after(std::int64_t second) const {
  std::vector<Row> rows;
  const auto take = [&](const Tenant& tenant) {
    Row row{tenant.name(), tenant.used_after(second)};
    if (std::ranges::any_of(row.used, [](auto n) { return n > 0; })) rows.push_back(std::move(row));
  };
  for (const auto& place : places_) {
    if (const auto* tenant = place.load(std::memory_order_acquire)) take(*tenant);
  }
  take(*others_);
  return rows;
}

}  // namespace mesh
