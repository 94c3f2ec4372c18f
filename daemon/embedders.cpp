#include "daemon/embedders.h"

#include <filesystem>
#include <optional>

#include "common/base/json_members.h"
#include "common/base/strings.h"
#include "common/models/static_model.h"

namespace mesh {
namespace {

constexpr Duration kTryAgain{10'000};
constexpr Duration kHeldFor{60'000};
constexpr std::size_t kMostFailures = 64;
constexpr std::string_view kHashing = "hashing-v2/", kHybrid = "hybrid-v1(";

// Of "hybrid-v1(a,b)": a and b, which may be such ids in turn.
std::optional<std::pair<std::string_view, std::string_view>> parts_of(std::string_view id) {
  if (!id.starts_with(kHybrid) || !id.ends_with(')')) return std::nullopt;
  id.remove_prefix(kHybrid.size());
  id.remove_suffix(1);
  int depth = 0;
  for (std::size_t at = 0; at < id.size(); ++at) {
    if (id[at] == '(') ++depth;
    if (id[at] == ')') --depth;
    if (id[at] == ',' && depth == 0) return std::pair(id.substr(0, at), id.substr(at + 1));
  }
  return std::nullopt;
}

tl::unexpected<Error> cannot(std::string_view id, const std::string& why) {
  return fail(ErrorKind::unavailable,
              "this process cannot have the embedder " + std::string(id) + ": " + why);
}

}  // namespace

OpenedEmbedders::OpenedEmbedders(ConfiguredEmbedder configured, EmbedderEngines engines,
                                 Clock& clock)
    : configured_(std::move(configured)), engines_(std::move(engines)), clock_(clock) {}

GenerationSpec OpenedEmbedders::configured_spec() {
  return {configured_.embedder->dimension(), configured_.embedder->id(), configured_.model};
}

Result<std::shared_ptr<Embedder>> OpenedEmbedders::of(const GenerationSpec& spec) {
  if (auto found = known(spec)) return *std::move(found);
  std::lock_guard only(opening_);
  if (auto found = known(spec)) return *std::move(found);  // by whoever was before
  auto made = opened(spec);
  std::lock_guard lock(mutex_);
  const Key key{spec.embedder, spec.model};
  if (made) {
    failed_.erase(key);
    return made;
  }
  if (failed_.size() >= kMostFailures) failed_.clear();
  failed_.insert_or_assign(key, std::pair(made.error(), clock_.steady() + kTryAgain));
  return made;
}

// What can be said without opening anything.
std::optional<OpenedEmbedders::Opened> OpenedEmbedders::known(const GenerationSpec& spec) {
  {
    std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady();
    for (auto& [id, kept] : opened_) {
      if (kept.until <= now) kept.held = nullptr;
    }
    std::erase_if(opened_, [](const auto& one) { return one.second.embedder.expired(); });
    const auto failed = failed_.find(Key{spec.embedder, spec.model});
    if (failed != failed_.end() && now < failed->second.second) {
      return fail(failed->second.first);
    }
  }
  auto open = find_open(spec.embedder);
  if (!open || open->dimension() != spec.dimension) return std::nullopt;
  return open;
}

OpenedEmbedders::Opened OpenedEmbedders::opened(const GenerationSpec& spec) {
  auto made = MESH_TRY(open(spec.embedder, spec.model));
  if (made->dimension() == spec.dimension) return made;
  return cannot(spec.embedder, "its vectors have " + std::to_string(made->dimension()) +
                                   " numbers, those of the generation " +
                                   std::to_string(spec.dimension));
}

OpenedEmbedders::Opened OpenedEmbedders::open(std::string_view id, const std::string& model) {
  if (auto known = find_open(id)) return known;
  Opened made = cannot(id,
                       "it was made by an engine, a model or a version that the configuration does "
                       "not name (embedder.engine)");
  if (id.starts_with(kHashing) && engines_.hashing) {
    const auto dimension = parse_int(id.substr(kHashing.size()));
    if (dimension && *dimension > 0 && *dimension <= 1'000'000) {
      made = engines_.hashing(static_cast<int>(*dimension));
    }
  } else if (id.starts_with(models::kStaticId) && engines_.static_model) {
    made = open_model(model);
    if (!made) return cannot(id, made.error().message);
  } else if (id.starts_with(kHybrid) && engines_.hybrid) {
    made = open_hybrid(id, model);
  }
  if (!made) return made;
  if ((*made)->id() != id) {
    return cannot(id, model.empty() ? "this program makes " + (*made)->id() + " in its place"
                                    : model + " holds another model, " + (*made)->id());
  }
  keep(*made);
  return made;
}

std::shared_ptr<Embedder> OpenedEmbedders::find_open(std::string_view id) {
  if (id == configured_.embedder->id()) return configured_.embedder;
  if (configured_.meaning && id == configured_.meaning->id()) return configured_.meaning;
  std::shared_ptr<Embedder> open;
  {
    std::lock_guard lock(mutex_);
    const auto known = opened_.find(id);
    if (known != opened_.end()) open = known->second.embedder.lock();
  }
  if (open) keep(open);
  return open;
}

void OpenedEmbedders::keep(const std::shared_ptr<Embedder>& embedder) {
  std::string id = embedder->id();
  std::lock_guard lock(mutex_);
  opened_.insert_or_assign(std::move(id), Kept{embedder, embedder, clock_.steady() + kHeldFor});
}

OpenedEmbedders::Opened OpenedEmbedders::open_hybrid(std::string_view id,
                                                     const std::string& model) {
  const auto parts = parts_of(id);
  if (!parts) return cannot(id, "its id names no two embedders");
  auto letters = MESH_TRY(open(parts->first, model));
  auto meaning = MESH_TRY(open(parts->second, model));
  return engines_.hybrid(std::move(letters), std::move(meaning));
}

// One that is open already is taken, so that its model is in memory once.
OpenedEmbedders::Opened OpenedEmbedders::open_model(const std::string& folder) {
  if (folder.empty()) {
    return fail(ErrorKind::unavailable, "the index does not say where its model lies");
  }
  auto made = MESH_TRY(engines_.static_model(folder));
  if (auto known = find_open(made->id())) return known;
  keep(made);
  return made;
}

Result<GenerationSpec> OpenedEmbedders::spec_of(std::string_view engine, std::string_view model) {
  const std::string wanted(engine.empty() ? std::string_view(configured_.engine) : engine);
  if (model.empty() && wanted == configured_.engine) return configured_spec();
  if (wanted == "openai") {
    if (model.empty()) {
      return bad_member("embedder", "openai is there only where embedder.engine names it");
    }
    return bad_member("model", "of openai it is the configuration's (openai.model)");
  }
  if (wanted == "hashing" && engines_.hashing) {
    if (!model.empty())
      return bad_member("model", "hashing has none; beside it name the embedder static");
    const auto made = engines_.hashing(configured_.dimension);
    return GenerationSpec{made->dimension(), made->id()};
  }
  if (wanted == "static" && engines_.static_model) return static_spec(model);
  return bad_member("embedder",
                    "\"" + wanted +
                        "\" is none that a rebuild can be asked for: hashing, static, or "
                        "the configured one, " +
                        configured_.engine);
}

// As the configuration would have it with this folder as embedder.path.
Result<GenerationSpec> OpenedEmbedders::static_spec(std::string_view model) {
  std::string folder(model.empty() ? std::string_view(configured_.model) : model);
  if (folder.empty()) return bad_member("model", "static needs one: the folder of a model");
  if (!folder.starts_with('/')) {
    return bad_member("model",
                      "\"" + folder + "\" is no absolute path of a folder on meshd's machine");
  }
  folder = std::filesystem::path(folder).lexically_normal().string();
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  std::lock_guard only(opening_);
  auto opened = open_model(folder);
  if (!opened) return bad_member("model", opened.error().message);
  auto made = *std::move(opened);
  if (configured_.letters > 0) made = engines_.hybrid(engines_.hashing(configured_.letters), made);
  return GenerationSpec{made->dimension(), made->id(), std::move(folder)};
}

}  // namespace mesh
