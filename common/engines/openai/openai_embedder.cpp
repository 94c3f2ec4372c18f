#include "common/engines/openai/openai_embedder.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <span>
#include <unordered_map>

#include "common/base/strings.h"
#include "common/engines/openai/answer_cache.h"
#include "common/engines/openai/batch_size.h"
#include "common/engines/openai/embeddings.h"
#include "common/engines/openai/model_server.h"

namespace mesh::openai {
namespace {

constexpr const char* kEmbeddingsPath = "/embeddings";
constexpr const char* kPlainText = "a plain text";  // that every model takes

// A text that is asked for, and where its vector goes.
struct Wanted {
  const TenantText* of;
  std::string key;
  std::vector<std::size_t> places;
};
using Batch = std::span<const Wanted>;

std::size_t bytes_of(Batch batch) {
  std::size_t bytes = 0;
  for (const auto& wanted : batch) bytes += wanted.of->text.size();
  return bytes;
}

std::string_view bytes_of(const std::vector<float>& vector) {
  return {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)};
}

class Embedding final : public OpenAiEmbedder {
 public:
  Embedding(EmbedderOptions options, Clock& clock)
      : options_(std::move(options)),
        server_(options_, clock),
        cache_(options_.cache_path.empty()
                   ? make_memory_cache(kMemoryCacheBytes)
                   : open_disk_cache(options_.cache_path, options_.cache_bytes, clock)),
        batch_(clock, options_.max_batch) {}

  int dimension() const override { return options_.dimension; }
  std::string id() const override {
    return "openai:" + options_.model + "/" + std::to_string(options_.dimension);
  }
  std::optional<Error> trouble() const override { return server_.trouble(); }

  Result<Vectors> embed(std::span<const TenantText> texts) override {
    Call call{.vectors = Vectors(texts.size(), std::vector<float>(length()))};
    const auto wanted = look_up(texts, call.vectors);
    for (Batch rest = wanted; !rest.empty();) {
      const Batch batch = rest.first(fitting(rest));
      MESH_TRY(ask(batch, call));
      rest = rest.subspan(batch.size());
    }
    if (call.fault) return fail(std::move(*call.fault));
    return std::move(call.vectors);
  }

 private:
  struct Call {
    Vectors vectors;
    bool taken = false;          // the server took a text of it
    int faults = 0;              // texts that it refused or failed at
    std::optional<Error> fault;  // why; of a refusal, where there was one
  };
  // What is known of the model's own dimension.
  enum class Naming {
    untried,  // it is ours, as far as was seen
    named,    // it is another, and ours is given where "dimensions" asks for it
    unfit,    // it is another, and stays so
  };

  std::size_t length() const { return static_cast<std::size_t>(options_.dimension); }

  // Fills in what is kept; the others are wanted, each once.
  std::vector<Wanted> look_up(std::span<const TenantText> texts, Vectors& vectors) {
    std::vector<Wanted> wanted;
    std::unordered_map<std::string, std::size_t> by_key;
    const std::string own = id();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (trim(texts[i].text).empty()) continue;  // no feature: the zero vector
      std::string key = cache_key(texts[i].tenant, own, texts[i].text);
      if (const auto it = by_key.find(key); it != by_key.end()) {
        wanted[it->second].places.push_back(i);
      } else if (const auto kept = cache_->find(key);
                 kept && kept->size() == length() * sizeof(float)) {
        std::memcpy(vectors[i].data(), kept->data(), kept->size());
      } else {
        by_key.emplace(key, wanted.size());
        wanted.push_back({&texts[i], std::move(key), {i}});
      }
    }
    return wanted;
  }

  // How many of the first make a request.
  std::size_t fitting(Batch rest) {
    const std::size_t most = batch_.get();
    std::size_t count = 0, bytes = 0;
    while (count < std::min(rest.size(), most)) {
      bytes += rest[count].of->text.size();
      if (count > 0 && bytes > options_.max_batch_bytes) break;
      ++count;
    }
    return count;
  }

  // An error only where going on makes no sense; a text that is at fault is noted in the call.
  Status ask(Batch batch, Call& call) {
    auto answer = request(batch);
    if (answer) {
      take(batch, std::move(*answer), call);
      return {};
    }
    Error error = std::move(answer.error());
    if (error.kind == ErrorKind::unavailable) return fail(std::move(error));
    // Of refusals one text that was taken is proof enough; a server may fail at any moment.
    const bool failed = error.kind == ErrorKind::uncertain;
    if (failed || (batch.size() == 1 && !call.taken)) {
      MESH_TRY(take_plain_text(*batch[0].of, error));
    }
    if (batch.size() > 1) return ask_halves(batch, call);
    call.taken = true;
    ++call.faults;
    // A refusal is told first: the text is at fault whenever it is asked for.
    if (!call.fault || (!failed && call.fault->kind == ErrorKind::internal)) {
      call.fault = at_fault(batch[0], std::move(error));
    }
    return {};
  }

  Status ask_halves(Batch batch, Call& call) {
    const std::size_t half = batch.size() / 2;
    const int faults = call.faults;
    MESH_TRY(ask(batch.first(half), call));
    MESH_TRY(ask(batch.subspan(half), call));
    // No text was to blame, so they were too many: some servers take 32, or are slow.
    if (call.faults == faults) batch_.lower(batch.size() - half);
    return {};
  }

  Error at_fault(const Wanted& wanted, Error error) const {
    const std::string text = " a text of " + std::to_string(wanted.of->text.size()) + " bytes";
    if (error.kind == ErrorKind::unprocessable) {
      error.message =
          "the model " + options_.model + " refuses" + text + ": it may be too long for it";
    } else {
      error.kind = ErrorKind::internal;  // worth a few more attempts, but nothing to wait for
      error.message = "the model " + options_.model + " fails at" + text +
                      " and not at others: " + error.message;
    }
    return error;
  }

  // Whether it is the text's fault: a server that refuses everything would else make a dead letter
  // of every event.
  Status take_plain_text(const TenantText& instead, const Error& why) {
    const TenantText plain{instead.tenant, kPlainText, instead.billed};
    const Wanted wanted{&plain, {}, {}};
    auto answer = request({&wanted, 1}, Purpose::proof);
    if (answer) return {};
    if (answer.error().kind == ErrorKind::unprocessable) {
      return server_.down("the model's server refuses whatever it is asked: check " +
                              options_.model_setting + ", openai.base_url and embedder.dimension",
                          why.cause);
    }
    answer.error().kind = ErrorKind::unavailable;
    return fail(std::move(answer.error()));
  }

  void take(Batch batch, Vectors answer, Call& call) {
    call.taken = true;
    std::vector<AnswerCache::Entry> entries;
    for (std::size_t i = 0; i < batch.size(); ++i) {
      for (const std::size_t place : batch[i].places) call.vectors[place] = answer[i];
      entries.emplace_back(batch[i].key, bytes_of(answer[i]));
    }
    cache_->keep(entries);
  }

  // Unit vectors of the right dimension.
  Result<Vectors> request(Batch batch, Purpose purpose = Purpose::work) {
    const Naming naming = naming_;
    auto vectors = MESH_TRY(send(batch, naming == Naming::named, purpose));
    std::size_t got = vectors.front().size();
    if (got != length() && naming == Naming::untried) {
      server_.served();
      auto shortened = send(batch, true, purpose);
      if (!shortened && shortened.error().kind != ErrorKind::unprocessable) return shortened;
      if (shortened && shortened->front().size() == length()) {
        naming_ = Naming::named;
        got = length();
        vectors = std::move(*shortened);
      }
    }
    if (got != length()) {
      if (naming != Naming::named) naming_ = Naming::unfit;
      return server_.down("the model " + options_.model + " makes vectors of " +
                          std::to_string(got) + " numbers and embedder.dimension says " +
                          std::to_string(length()) + ": set it to that, or take another " +
                          options_.model_setting);
    }
    if (naming == Naming::unfit) naming_ = Naming::untried;  // another model stands there now
    server_.served();
    for (auto& vector : vectors) normalise(vector);
    return vectors;
  }

  Result<Vectors> send(Batch batch, bool name_dimension, Purpose purpose) {
    std::vector<std::string_view> texts;
    for (const auto& wanted : batch) texts.push_back(wanted.of->text);
    const auto answer = MESH_TRY(server_.post(
        kEmbeddingsPath,
        embeddings_request(options_.model, texts, name_dimension ? options_.dimension : 0),
        purpose));
    charge(answer, batch);
    auto vectors = read_embeddings(answer, batch.size());
    if (!vectors) return server_.senseless(vectors.error(), purpose);
    return std::move(*vectors);
  }

  // The server counts the request: each tenant's share is that of its bytes.
  void charge(const Json& answer, Batch batch) {
    const std::size_t bytes = bytes_of(batch);
    const std::uint64_t tokens = server_.tokens(answer, bytes).all();
    if (!options_.on_tokens || tokens == 0) return;
    std::map<TenantId, std::uint64_t> shares;
    std::uint64_t seen = 0, charged = 0;
    for (const auto& wanted : batch) {
      seen += wanted.of->text.size();
      // Of all so far, so that the shares sum up.
      const auto due = static_cast<std::uint64_t>(
          static_cast<double>(tokens) * static_cast<double>(seen) / static_cast<double>(bytes));
      if (wanted.of->billed) shares[wanted.of->tenant] += due - charged;
      charged = due;
    }
    for (const auto& [tenant, share] : shares) {
      if (share > 0) options_.on_tokens(tenant, {share, 0});
    }
  }

  const EmbedderOptions options_;
  ModelServer server_;
  const std::unique_ptr<AnswerCache> cache_;
  std::atomic<Naming> naming_ = Naming::untried;
  BatchSize batch_;
};

}  // namespace

std::unique_ptr<OpenAiEmbedder> make_embedder(EmbedderOptions options, Clock& clock) {
  return std::make_unique<Embedding>(std::move(options), clock);
}

}  // namespace mesh::openai
