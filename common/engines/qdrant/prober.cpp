#include "common/engines/qdrant/prober.h"

#include "common/base/thread.h"
#include "common/telemetry/log.h"

namespace mesh::qdrant {
namespace {

constexpr Duration kEvery{5'000}, kInTrouble{1'000};

}  // namespace

Prober::Prober(std::string prefix, Server& server, GenerationBook& book)
    : prefix_(std::move(prefix)), server_(server), book_(book), thread_([this] { run(); }) {}

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

// A read of the collection that serves: it tells a key that is refused, which `GET /` does not ask
// for, and points that cannot be read. Before one is known it goes by the alias: that there is none
// yet is an answer, too. The store is asked only where the collection is missing, lest one that
// stands still hides how the server is.
void Prober::probe() {
  if (!server_.minor_version()) return;  // which notes why
  const int serving = book_.last_serving();
  const std::string collection =
      serving == 0 ? "/collections/" + prefix_ + "user_embeddings" : book_.path(serving);
  const auto answer =
      server_.look({"POST", collection + "/points/scroll", R"({"limit":1,"with_payload":false})"});
  if (!answer) return;
  if (serving == 0 || answer->status != 404) return note_lost(std::nullopt);
  // Another may serve by now, and this one be gone for good.
  const auto fresh = book_.current(true);
  if (!fresh) return;
  note_lost(fresh->serving == serving ? std::optional(book_.lost(serving).value()) : std::nullopt);
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
