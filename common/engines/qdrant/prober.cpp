#include "common/engines/qdrant/prober.h"

#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh::qdrant {
namespace {

constexpr Duration kEvery{5'000}, kInTrouble{1'000};

}  // namespace

Prober::Prober(std::string alias, Server& server, Books books)
    : alias_(std::move(alias)),
      server_(server),
      books_(std::move(books)),
      thread_([this] { run(); }) {}

Prober::~Prober() {
  server_.stop();
  thread_.join();
}

std::optional<Error> Prober::trouble() const {
  if (auto trouble = server_.trouble()) return trouble;
  std::lock_guard lock(mutex_);
  return lost_;
}

void Prober::run() {
  name_thread("qdrant");
  do {
    probe();
  } while (server_.rest(trouble() ? kInTrouble : kEvery));
}

// A read of the collections that serve: it tells a key that is refused, which `GET /` does not ask
// for, and points that cannot be read. Before one is known it goes by the alias: that there is none
// yet is an answer, too. The store is asked only where a collection is missing, lest one that
// stands still hides how the server is.
void Prober::probe() {
  if (!server_.minor_version()) return;  // which notes why
  bool any = false;
  std::optional<Error> lost;
  for (const auto& book : books_()) {
    const int serving = book->last_serving();
    if (serving == 0) continue;
    any = true;
    const auto status = read(book->path(serving));
    if (!status) return;
    if (*status != 404 || lost) continue;
    // Another may serve by now, and this one be gone for good.
    const auto fresh = book->current(true);
    if (!fresh) return;
    if (fresh->serving == serving) lost = book->lost(serving).value();
  }
  if (!any && !read("/collections/" + alias_)) return;
  note_lost(std::move(lost));
}

std::optional<int> Prober::read(const std::string& collection) {
  const auto answer =
      server_.look({"POST", collection + "/points/scroll", R"({"limit":1,"with_payload":false})"});
  return answer ? std::optional(answer->status) : std::nullopt;
}

void Prober::note_lost(std::optional<Error> lost) {
  const bool is_lost = lost.has_value();
  bool changed = false;
  {
    std::lock_guard lock(mutex_);
    changed = lost_.has_value() != is_lost;
    lost_ = std::move(lost);
  }
  if (changed && is_lost) log::warn("qdrant: the collection that serves searches is lost");
}

}  // namespace mesh::qdrant
