// The embedders of a process, opened by what their ids say of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/ports/embedders.h"

namespace mesh {

// What makes them; engine_parts.cpp names the engines. A function that is empty is an engine that
// this program has not.
struct EmbedderEngines {
  std::function<std::shared_ptr<Embedder>(int dimension)> hashing;
  std::function<Result<std::shared_ptr<Embedder>>(const std::string& folder)> static_model;
  std::function<std::shared_ptr<Embedder>(std::shared_ptr<Embedder> letters,
                                          std::shared_ptr<Embedder> meaning)>
      hybrid;
};

struct ConfiguredEmbedder {
  std::shared_ptr<Embedder> embedder;
  std::string engine;   // embedder.engine
  std::string model;    // the folder of its model; empty: it has none
  int dimension = 384;  // of new embedders of words: embedder.dimension
  int letters = 384;    // of new ones of a static model, beside it: embedder.letters; 0: none
  std::shared_ptr<Embedder> meaning = {};  // the part of the configured one, where it is of two
};

// Knows the ids "hashing-v2/<dimension>", "static:<16 hex digits>/<dimension>" and
// "hybrid-v1(<letters>,<meaning>)", whose parts are ids, too; of any other only the configured
// one's. Any thread. Reading a model blocks, which holds up nobody who asks for one that is open.
class OpenedEmbedders final : public Embedders {
 public:
  OpenedEmbedders(ConfiguredEmbedder configured, EmbedderEngines engines, Clock& clock);

  std::shared_ptr<Embedder> configured() override { return configured_.embedder; }
  GenerationSpec configured_spec() override;
  Result<std::shared_ptr<Embedder>> of(const GenerationSpec& spec) override;
  Result<GenerationSpec> spec_of(std::string_view engine, std::string_view model) override;

 private:
  using Opened = Result<std::shared_ptr<Embedder>>;
  using Key = std::pair<std::string, std::string>;  // id, model
  std::optional<Opened> known(const GenerationSpec& spec);
  std::shared_ptr<Embedder> find_open(std::string_view id);  // null where it is not
  void keep(const std::shared_ptr<Embedder>& embedder);
  // opening_ held, by these four:
  Opened opened(const GenerationSpec& spec);
  Opened open(std::string_view id, const std::string& model);
  Opened open_hybrid(std::string_view id, const std::string& model);
  Opened open_model(const std::string& folder);
  Result<GenerationSpec> static_spec(std::string_view model);

  const ConfiguredEmbedder configured_;
  const EmbedderEngines engines_;
  Clock& clock_;
  std::mutex opening_;  // one at a time, so that a model is read once; before mutex_
  std::mutex mutex_;  // for a moment, so that what is open waits for no file; guards the following
  // What is asked for now and then, and not held meanwhile, is not opened each time.
  struct Kept {
    std::weak_ptr<Embedder> embedder;
    std::shared_ptr<Embedder> held;  // null from `until` on
    SteadyTime until;
  };
  std::map<std::string, Kept, std::less<>> opened_;  // by id
  // A generation is asked for every few seconds, and its folder may be large to read in vain.
  std::map<Key, std::pair<Error, SteadyTime>> failed_;
};

}  // namespace mesh
