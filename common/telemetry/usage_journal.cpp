#include "common/telemetry/usage_journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/ids.h"
#include "common/telemetry/log.h"

namespace mesh {
namespace {

constexpr std::array<char, 8> kMagic{'m', 'e', 's', 'h', 'u', 's', 'e', '1'};
constexpr std::size_t kHeadBytes = 4096;
constexpr std::size_t kSlotBytes = 256;   // a divisor of a page: a slot is written back as a whole
constexpr std::size_t kSlotsAtOnce = 64;  // that the file grows by
// Between two tries on a disk that is full.
constexpr Duration kGrowAgain = std::chrono::minutes{1};
constexpr std::size_t kIdBytes = 40, kNameBytes = 64;

template <std::size_t n>
using Used = std::array<std::atomic<std::uint64_t>, n>;
template <std::size_t n>
using Marks = std::array<std::array<std::uint64_t, n>, 2>;  // by the number of the seal

std::size_t bytes_of(std::size_t slots) { return kHeadBytes + slots * kSlotBytes; }

std::int64_t count(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp time_of(std::int64_t count) { return Timestamp(Duration(count)); }
std::int64_t minute_of(Timestamp time) {
  return count(std::chrono::floor<std::chrono::minutes>(time));
}

tl::unexpected<Error> failed(const std::string& path) {
  return fail(ErrorKind::unavailable,
              "the journal of usage, " + path + ": " + std::strerror(errno));
}

}  // namespace

// As they stand in the file. A new file is all zeros.
struct UsageJournal::Head {
  std::array<char, kMagic.size()> magic;  // written last
  std::array<char, kIdBytes> id;
  std::atomic<std::uint64_t> sealed;               // the number of the last seal
  std::array<std::atomic<std::int64_t>, 2> start;  // of the period after the seal, by its number
  std::atomic<std::int64_t> seen;
  std::atomic<std::uint64_t> slots;
};
struct UsageJournal::Slot {
  std::array<char, kNameBytes> tenant;
  Used<kFirstUses> used;
  Marks<kFirstUses> marks;
  Used<kLaterUses> later_used;
  Marks<kLaterUses> later_marks;

  Counters counters() { return {used.data(), later_used.data()}; }
  std::uint64_t& mark(std::uint64_t seal, std::size_t use) {
    return use < kFirstUses ? marks[seal % 2][use] : later_marks[seal % 2][use - kFirstUses];
  }
};

UsageJournal::Head& UsageJournal::head() const { return *static_cast<Head*>(mapped_); }
UsageJournal::Slot& UsageJournal::slot(std::size_t number) const {
  static_assert(sizeof(Head) <= kHeadBytes && sizeof(Slot) <= kSlotBytes);
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  return *reinterpret_cast<Slot*>(static_cast<char*>(mapped_) + bytes_of(number));
}

UsageJournal::~UsageJournal() {
  if (mapped_ != nullptr) munmap(mapped_, bytes_of(kMaxTenants));
}

// For as many as there may ever be: the pages behind the file's end are there once it has grown.
Status UsageJournal::map() {
  void* at =
      mmap(nullptr, bytes_of(kMaxTenants), PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  if (at == MAP_FAILED) return failed(path_);
  mapped_ = at;
  return {};
}

// The blocks themselves, and not a hole: a write to mapped memory that finds the disk full ends the
// process.
bool UsageJournal::grow(std::size_t slots) {
  const int error = posix_fallocate(file_.get(), 0, static_cast<off_t>(bytes_of(slots)));
  if (error == 0) room_ = slots;
  errno = error;
  return error == 0;
}

Result<std::unique_ptr<UsageJournal>> UsageJournal::make(const std::string& path, Timestamp now) {
  Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file || flock(file.get(), LOCK_EX | LOCK_NB) != 0) return failed(path);
  std::unique_ptr<UsageJournal> journal(new UsageJournal(std::move(file), path));
  if (!journal->grow(kSlotsAtOnce)) return failed(path);
  MESH_TRY(journal->map());
  Head& head = journal->head();
  const std::string id = random_hex(8);
  std::ranges::copy(id, head.id.begin());
  head.start[0] = minute_of(now);
  head.seen = count(now);
  std::atomic_thread_fence(std::memory_order_release);
  head.magic = kMagic;
  return journal;
}

Result<std::unique_ptr<UsageJournal>> UsageJournal::adopt(
    const std::string& path,
    const std::function<bool(const std::string& journal, std::uint64_t number)>& kept) {
  Fd file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return failed(path);
  if (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return nullptr;
    return failed(path);
  }
  struct stat state {};
  if (fstat(file.get(), &state) != 0) return failed(path);
  const auto bytes = static_cast<std::size_t>(state.st_size);
  std::unique_ptr<UsageJournal> journal(new UsageJournal(std::move(file), path));
  MESH_TRY(journal->map());
  if (bytes < bytes_of(0) || !journal->is_whole((bytes - kHeadBytes) / kSlotBytes)) {
    return fail(ErrorKind::corrupt, path + " is no whole journal of usage");
  }
  Head& head = journal->head();
  // The process ended between keeping the period and noting that.
  if (kept(head.id.data(), head.sealed + 1)) ++head.sealed;
  return journal;
}

// Whether all that it says lies within it: names end, and no slot is behind the file or the map.
bool UsageJournal::is_whole(std::size_t room) const {
  const auto ends = [](const auto& text) { return std::ranges::find(text, '\0') != text.end(); };
  const Head& head = this->head();
  const std::size_t slots = head.slots;
  if (head.magic != kMagic || !ends(head.id) || slots > std::min(room, kMaxTenants)) return false;
  for (std::size_t number = 0; number < slots; ++number) {
    if (!ends(slot(number).tenant)) return false;
  }
  return true;
}

UsageJournal::Counters* UsageJournal::find(std::string_view tenant) {
  std::lock_guard lock(mutex_);
  if (const auto known = all_.find(tenant); known != all_.end()) return &known->second;
  const std::size_t number = all_.size();
  if (tenant.size() >= kNameBytes || number == kMaxTenants) return nullptr;
  if (number == room_ && last_seen() < grow_again_) return nullptr;
  if (number == room_ && !grow(std::min(room_ + kSlotsAtOnce, kMaxTenants))) {
    grow_again_ = last_seen() + kGrowAgain;
    log::error("usage cannot be counted for one more tenant",
               {{"tenant", tenant}, {"file", path_}, {"cause", std::strerror(errno)}});
    return nullptr;
  }
  Slot& made = slot(number);
  std::ranges::copy(tenant, made.tenant.begin());
  // The name is there before the slot counts.
  head().slots.store(number + 1, std::memory_order_release);
  return &all_.emplace(std::string(tenant), made.counters()).first->second;
}

Status UsageJournal::seal(Timestamp now, const std::function<Status(const Period&)>& keep) {
  Head& head = this->head();
  const std::uint64_t last = head.sealed, next = last + 1;
  Period period{head.id.data(), next, time_of(head.start[last % 2]), now, {}};
  const std::size_t slots = head.slots.load(std::memory_order_acquire);
  for (std::size_t number = 0; number < slots; ++number) {
    Slot& slot = this->slot(number);
    Row row{slot.tenant.data(), {}};
    for (std::size_t i = 0; i < kBilledUses; ++i) {
      const std::uint64_t used = slot.counters()[i].load(std::memory_order_relaxed);
      slot.mark(next, i) = used;
      // A loss of power may have taken counts and left the mark.
      const std::uint64_t mark = slot.mark(last, i);
      row.used[i] = used >= mark ? used - mark : 0;
    }
    if (std::ranges::any_of(row.used, [](auto n) { return n > 0; })) {
      period.rows.push_back(std::move(row));
    }
  }
  if (period.rows.empty()) {
    head.start[last % 2] = minute_of(now);
    sync(now);
    return {};
  }
  head.start[next % 2] = minute_of(now);
  // Each is on the disk before the next: the marks, the period, the number that makes both count.
  sync(now);
  MESH_TRY(keep(period));
  head.sealed = next;
  write_back();
  return {};
}

void UsageJournal::sync(Timestamp now) {
  head().seen = count(now);
  write_back();
}

void UsageJournal::write_back() {
  const std::size_t slots = head().slots.load(std::memory_order_acquire);
  if (msync(mapped_, bytes_of(slots), MS_SYNC) == 0) return;
  log::warn("the journal of usage could not be made durable",
            {{"file", path_}, {"cause", std::strerror(errno)}});
}

Timestamp UsageJournal::last_seen() const { return time_of(head().seen); }

}  // namespace mesh
