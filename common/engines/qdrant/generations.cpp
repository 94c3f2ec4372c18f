#include "common/engines/qdrant/generations.h"

#include <utility>

#include "common/base/ids.h"
#include "common/base/strings.h"
#include "common/engines/qdrant/answers.h"
#include "common/engines/qdrant/points.h"
#include "common/telemetry/log.h"

namespace mesh::qdrant {
namespace {

constexpr const char* kUsers = "user_embeddings";
constexpr int kMaxDimension = 16'384;
// Numbers that may be used up by what an earlier state of the store has left.
constexpr int kMostLeftovers = 100;

// The metadata of a collection, as GET /collections/x tells it.
Json metadata_of(const Json& collection) {
  return member(member(collection, "config"), "metadata");
}

}  // namespace

Status check_spec(const GenerationSpec& spec) {
  if (spec.dimension >= 1 && spec.dimension <= kMaxDimension) return {};
  return fail(ErrorKind::invalid, "the dimension of an index must be from 1 to " +
                                      std::to_string(kMaxDimension) + ", not " +
                                      std::to_string(spec.dimension));
}

BookKind user_book(const std::string& prefix) {
  BookKind kind;
  kind.name = kUsers;
  kind.collection = kind.alias = kind.document = prefix + kUsers;
  kind.rebuild = "mesh index rebuild";
  kind.collection_of = [](const GenerationSpec& spec) {
    return tenants_collection({{"size", spec.dimension}, {"distance", "Cosine"}}, false);
  };
  kind.payload_indexes = payload_indexes;
  return kind;
}

Json tenants_collection(Json vectors, bool unindexed_reads) {
  // m = 0: no links across tenants, whom a search never crosses. Strict mode then refuses every
  // search without a tenant.
  return {{"vectors", std::move(vectors)},
          {"hnsw_config", {{"m", 0}, {"payload_m", 16}}},
          {"strict_mode_config",
           {{"enabled", true},
            {"search_allow_exact", false},
            {"unindexed_filtering_retrieve", unindexed_reads},
            {"unindexed_filtering_update", false}}}};
}

GenerationBook::GenerationBook(BookKind kind, EpochStore& store, Server& server, Clock& clock)
    : kind_(std::move(kind)), store_(store), server_(server), clock_(clock) {}

std::string GenerationBook::name(int number) const {
  return kind_.name + "-" + std::to_string(number);
}

tl::unexpected<Error> GenerationBook::no_generation(int number) const {
  return fail(ErrorKind::not_found, "no index generation " + name(number));
}

std::string GenerationBook::path(int number) const {
  return "/collections/" + kind_.collection + "-" + std::to_string(number);
}

tl::unexpected<Error> GenerationBook::lost(int number, std::string cause) const {
  return fail(ErrorKind::unavailable,
              "the Qdrant server of the index (qdrant.url) has lost " + kind_.collection + "-" +
                  std::to_string(number) + ": restore it there, or `" + kind_.rebuild + "`",
              std::move(cause));
}

tl::unexpected<Error> GenerationBook::still_serves(int number) const {
  return fail(ErrorKind::conflict,
              "index generation " + name(number) + " serves searches: let another one serve first");
}

tl::unexpected<Error> GenerationBook::refused(int number, const Error& error) {
  if (error.kind != ErrorKind::not_found) return fail(error);
  if (auto found = current(true); !found) {
    return fail(found.error());
  } else if (!found->specs.contains(number)) {
    return no_generation(number);
  }
  return lost(number, error.cause);
}

Result<Generations> GenerationBook::current(bool fresh) {
  {
    std::lock_guard lock(mutex_);
    // One waits for a store that stands still, and not every search.
    if (!fresh && kept_ && (asking_ || clock_.steady() < kept_at_ + kKeptFor)) return *kept_;
    asking_ = asking_ || !fresh;
  }
  // As old as the request for it: what is changed meanwhile is read again in time.
  const auto asked = clock_.steady();
  const auto document = store_.read(kind_.document);
  if (!document) {
    // Searches outlive an outage of the store, and ask it once a second.
    std::lock_guard lock(mutex_);
    if (!fresh) asking_ = false;
    if (fresh || !kept_) return fail(document.error());
    kept_at_ = clock_.steady();
    return *kept_;
  }
  auto generations = Generations::parse(document->body);
  std::lock_guard lock(mutex_);
  if (!fresh) asking_ = false;
  if (!generations) return generations;
  // Another call may have read, or written, what is newer.
  if (kept_ && asked < read_at_) return generations;
  kept_ = *generations;
  kept_at_ = read_at_ = asked;
  return generations;
}

Result<GenerationBook::Seen> GenerationBook::seen(bool fresh) {
  {
    std::lock_guard lock(mutex_);
    if (!fresh && kept_ && clock_.steady() < read_at_ + kKeptFor) return Seen{*kept_, read_at_};
  }
  const auto asked = clock_.steady();
  auto generations = MESH_TRY(current(true));
  return Seen{std::move(generations), asked};
}

int GenerationBook::last_serving() {
  std::lock_guard lock(mutex_);
  return kept_ ? kept_->serving : 0;
}

Result<GenerationSpec> GenerationBook::find(int number) {
  for (const bool fresh : {false, true}) {
    const auto generations = MESH_TRY(current(fresh));
    if (const auto it = generations.specs.find(number); it != generations.specs.end()) {
      return it->second;
    }
  }
  return no_generation(number);
}

Result<Generations> GenerationBook::open(std::int64_t epoch) {
  const auto document = MESH_TRY(store_.read(kind_.document));
  if (document.epoch != epoch) {
    return fail(ErrorKind::conflict,
                "another process has taken over the index's generations; nothing was changed");
  }
  return Generations::parse(document.body);
}

Status GenerationBook::write(const Generations& generations, std::int64_t epoch) {
  const auto asked = clock_.steady();
  MESH_TRY(store_.write(kind_.document, epoch, generations.text()));
  std::lock_guard lock(mutex_);
  kept_ = generations;
  kept_at_ = read_at_ = asked;
  return {};
}

Result<std::int64_t> GenerationBook::take_over() {
  std::lock_guard changing(changing_);
  const auto document = MESH_TRY(store_.take_over(kind_.document));
  const auto generations = MESH_TRY(Generations::parse(document.body));
  // The epoch is taken, whatever the server is able to do now.
  if (const auto done = put_right(generations); !done) {
    log::warn("qdrant: alias and collections are put right by the next taking over",
              {{"error", done.error().to_string()}});
  }
  return document.epoch;
}

Result<GenerationInfo> GenerationBook::create(const GenerationSpec& spec, std::int64_t epoch) {
  MESH_TRY(check_spec(spec));
  std::lock_guard changing(changing_);
  auto generations = MESH_TRY(open(epoch));
  if (generations.mesh.empty()) generations.mesh = new_uuid_v7(clock_.now());
  for (int attempt = 0; attempt < kMostLeftovers; ++attempt) {
    const int number = ++generations.last;
    MESH_TRY(write(generations, epoch));
    const bool made = MESH_TRY(make_collection(number, spec, generations.mesh));
    if (!made) continue;
    generations.specs[number] = spec;
    auto entered = index_payload(number);
    if (entered) entered = write(generations, epoch);
    if (!entered) {
      // The number was ours alone. What cannot be dropped now goes as an orphan.
      (void)drop_collection(number);
      return fail(entered.error());
    }
    return GenerationInfo{name(number), number, spec};
  }
  return fail(
      ErrorKind::unavailable,
      "the Qdrant server of the index (qdrant.url) has too many collections that an earlier "
      "state of this mesh has made: drop those that `mesh index list` does not name");
}

// False where a collection of an earlier state of this mesh has the name: its store came from a
// backup. It goes as an orphan.
Result<bool> GenerationBook::make_collection(int number, const GenerationSpec& spec,
                                             const std::string& mesh) {
  const Json metadata{{"mesh", mesh}, {"made", new_uuid_v7(clock_.now())}};
  Json description = kind_.collection_of(spec);
  description["metadata"] = metadata;
  const auto made = server_.ask({"PUT", path(number), dump(description), true, false, kPatience});
  if (made) return true;
  if (made.error().kind != ErrorKind::conflict) return fail(made.error());
  // It may be ours all the same: of a request whose answer was lost.
  const auto collection = MESH_TRY(server_.ask({"GET", path(number)}));
  const auto found = metadata_of(collection);
  if (found == metadata) return true;
  if (member(found, "mesh") == mesh) return false;
  return fail(ErrorKind::unavailable,
              "the Qdrant server of the index (qdrant.url) has a collection " + kind_.collection +
                  "-" + std::to_string(number) +
                  " that another mesh has made: give this one a qdrant.prefix of its own, or drop "
                  "that collection");
}

Status GenerationBook::index_payload(int number) {
  const int version = MESH_TRY(server_.minor_version());
  for (auto& body : kind_.payload_indexes(version)) {
    (void)MESH_TRY(server_.ask(
        {"PUT", path(number) + "/index?wait=true", std::move(body), true, true, kPatience}));
  }
  return {};
}

Status GenerationBook::drop_collection(int number) {
  const auto dropped = server_.ask({"DELETE", path(number), {}, true, false, kPatience});
  if (!dropped && dropped.error().kind != ErrorKind::not_found) return fail(dropped.error());
  return {};
}

Status GenerationBook::drop(int number, std::int64_t epoch) {
  std::lock_guard changing(changing_);
  auto generations = MESH_TRY(open(epoch));
  if (!generations.specs.contains(number)) return no_generation(number);
  if (generations.serving == number) return still_serves(number);
  generations.specs.erase(number);
  MESH_TRY(write(generations, epoch));
  if (const auto dropped = drop_collection(number); !dropped) {
    log::warn("qdrant: the collection of a dropped generation stays until the next taking over",
              {{"generation", number}, {"error", dropped.error().to_string()}});
  }
  return {};
}

Status GenerationBook::drop_all(std::int64_t epoch) {
  std::lock_guard changing(changing_);
  auto generations = MESH_TRY(open(epoch));
  const auto dropped = std::exchange(generations.specs, {});
  generations.serving = 0;
  MESH_TRY(write(generations, epoch));
  for (const auto& [number, spec] : dropped) {
    if (const auto gone = drop_collection(number); !gone) {
      log::warn("qdrant: the collection of a dropped generation stays until the next taking over",
                {{"generation", number}, {"error", gone.error().to_string()}});
    }
  }
  return {};
}

Status GenerationBook::serve(int number, std::int64_t epoch) {
  std::lock_guard changing(changing_);
  auto generations = MESH_TRY(open(epoch));
  if (!generations.specs.contains(number)) return no_generation(number);
  const auto answer = MESH_TRY(server_.ask({"GET", path(number) + "/exists"}));
  if (member(answer, "exists") != true) return lost(number);
  generations.serving = number;
  generations.specs[number].shadow = false;
  MESH_TRY(write(generations, epoch));
  if (const auto moved = move_alias(number); !moved) {
    log::warn("qdrant: the alias names another generation than the one that serves",
              {{"generation", number}, {"error", moved.error().to_string()}});
  }
  return {};
}

Status GenerationBook::move_alias(int number) {
  const std::string& alias = kind_.alias;
  const Json actions =
      Json::array({{{"delete_alias", {{"alias_name", alias}}}},
                   {{"create_alias",
                     {{"collection_name", kind_.collection + "-" + std::to_string(number)},
                      {"alias_name", alias}}}}});
  (void)MESH_TRY(server_.ask({"POST", "/collections/aliases", dump({{"actions", actions}}), true}));
  return {};
}

Status GenerationBook::put_right(const Generations& generations) {
  if (generations.serving != 0) MESH_TRY(move_alias(generations.serving));
  return remove_orphans(generations);
}

Status GenerationBook::remove_orphans(const Generations& generations) {
  const auto answer = MESH_TRY(server_.ask({"GET", "/collections"}));
  const std::string begin = kind_.collection + "-";
  for (const auto& collection : member(answer, "collections")) {
    const auto name = member(collection, "name");
    if (!name.is_string() || !name.get_ref<const std::string&>().starts_with(begin)) continue;
    const auto number = parse_int(name.get_ref<const std::string&>().substr(begin.size()));
    if (!number || *number < 1 || *number > generations.last) continue;
    const int orphan = static_cast<int>(*number);
    if (generations.specs.contains(orphan)) continue;
    // Nothing is dropped that this mesh has not made, whatever its name.
    const auto found = server_.ask({"GET", path(orphan)});
    if (!found && found.error().kind == ErrorKind::not_found) continue;
    if (!found) return fail(found.error());
    if (member(metadata_of(*found), "mesh") != generations.mesh) continue;
    MESH_TRY(drop_collection(orphan));
    log::info("qdrant: a collection that no generation has was dropped", {{"generation", orphan}});
  }
  return {};
}

}  // namespace mesh::qdrant
