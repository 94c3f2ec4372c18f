#include "common/models/distillation.h"

#include "common/base/sha256.h"
#include "common/base/thread.h"
#include "common/models/bert.h"
#include "common/models/json_file.h"
#include "common/models/principal_components.h"
#include "common/models/safetensors.h"
#include "common/models/static_folder.h"
#include "common/models/word_piece.h"

namespace mesh::models {
namespace {

constexpr double kSif = 1e-4;  // a
// Large enough for the products of matrices, small enough for a processor's cache.
constexpr std::size_t kBatch = 64;
constexpr int kMostThreads = 256;

Error cancelled() {
  return {.kind = ErrorKind::cancelled, .message = "stopped before the model was made"};
}

// The id of a token that stands around each text.
Result<std::int32_t> frame(const WordPiece& pieces, const char* token, const std::string& file) {
  const std::int32_t id = pieces.id_of(token);
  if (id >= 0) return id;
  return fail(ErrorKind::unprocessable,
              file + " has no token " + token + ", which a BERT has around a text");
}

// Sends tokens through the teacher, batch by batch, on several threads. Which thread takes a batch
// changes nothing of it, so their number does not change the answer.
class Encoding {
 public:
  Encoding(const Bert& teacher, std::int32_t first, std::int32_t last,
           const std::vector<std::int32_t>& tokens, const Distillation& options)
      : teacher_(teacher),
        first_(first),
        last_(last),
        tokens_(tokens),
        options_(options),
        width_(static_cast<std::size_t>(teacher.hidden_size())),
        vectors_(tokens.size() * width_) {}

  Result<std::vector<float>> run(int threads) {
    {
      std::vector<std::jthread> others;
      for (int i = 1; i < threads; ++i) {
        others.emplace_back([this] {
          name_thread("mesh-distil");
          work();
        });
      }
      work();
    }
    if (error_) return fail(std::move(*error_));
    return std::move(vectors_);
  }

 private:
  void work() {
    for (;;) {
      const std::size_t from = next_.fetch_add(kBatch);
      if (from >= tokens_.size() || stopped_) return;
      const std::size_t count = std::min(kBatch, tokens_.size() - from);
      auto encoded =
          teacher_.encode_singly(first_, last_, std::span(tokens_).subspan(from, count),
                                 std::span(vectors_).subspan(from * width_, count * width_));
      const std::lock_guard lock(mutex_);
      done_ += static_cast<std::int64_t>(count);
      if (!encoded) {
        stop(std::move(encoded.error()));
      } else if (!stopped_ && options_.progress &&
                 !options_.progress(done_, static_cast<std::int64_t>(tokens_.size()))) {
        stop(cancelled());
      }
    }
  }
  void stop(Error error) {
    if (!error_) error_ = std::move(error);
    stopped_ = true;
  }

  const Bert& teacher_;
  const std::int32_t first_, last_;
  const std::vector<std::int32_t>& tokens_;
  const Distillation& options_;
  const std::size_t width_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stopped_ = false;
  std::vector<float> vectors_;  // each batch has its own part
  std::mutex mutex_;            // guards what follows
  std::int64_t done_ = 0;
  std::optional<Error> error_;
};

// The row of a rank times a / (a + p).
void weigh(std::vector<float>& rows, std::size_t dimension) {
  const std::size_t count = rows.size() / dimension;
  double sum = 0;
  for (std::size_t rank = 0; rank < count; ++rank) sum += 1.0 / static_cast<double>(rank + 2);
  for (std::size_t rank = 0; rank < count; ++rank) {
    const double p = 1.0 / static_cast<double>(rank + 2) / sum;
    const auto weight = static_cast<float>(kSif / (kSif + p));
    for (std::size_t i = 0; i < dimension; ++i) rows[rank * dimension + i] *= weight;
  }
}

Result<std::string> digest(const std::string& path) {
  const auto file = MESH_TRY(Safetensors::open(path));
  Sha256 sum;
  sum.add({reinterpret_cast<const char*>(file->file().data()), file->file().size()});
  return sum.hex();
}

// The keys of Model2Vec's own, so that its tools read the folder.
Result<Json> config_of(const Distillation& options) {
  const std::string teacher = MESH_TRY(digest(options.from + "/model.safetensors"));
  const char* dtype = options.dtype == "I8"    ? "int8"
                      : options.dtype == "F16" ? "float16"
                                               : "float32";
  return Json{{"model_type", "model2vec"},
              {"architectures", {"StaticModel"}},
              {"apply_pca", options.dimension},
              {"apply_zipf", true},
              {"sif_coefficient", kSif},
              {"hidden_dim", options.dimension},
              {"max_length", 512},
              {"seq_length", 1000000},
              {"normalize", true},
              {"embedding_dtype", dtype},
              // Whose licence the model has.
              {"teacher_sha256", teacher}};
}

Status check(const Distillation& options) {
  if (options.dtype != "I8" && options.dtype != "F16" && options.dtype != "F32") {
    return fail(ErrorKind::invalid,
                "no model of \"" + options.dtype + "\" is made: dtype is I8, F16 or F32");
  }
  if (options.threads < 0 || options.threads > kMostThreads) {
    return fail(ErrorKind::invalid, "threads is a number from 1 to " +
                                        std::to_string(kMostThreads) + ", or 0 for all processors");
  }
  return check_new_folder(options.to);
}

}  // namespace

Result<StaticModelInfo> distil(const Distillation& options) {
  MESH_TRY(check(options));
  const auto teacher = MESH_TRY(Bert::open(options.from));
  const int width = teacher->hidden_size();
  if (options.dimension < 1 || options.dimension > width) {
    return fail(ErrorKind::invalid, "the dimension is a number from 1 to " + std::to_string(width) +
                                        ", which " + options.from + " has, not " +
                                        std::to_string(options.dimension));
  }
  const std::string file = options.from + "/tokenizer.json";
  Json tokenizer = MESH_TRY(read_json_file(file));
  auto read = WordPiece::read(tokenizer);
  if (!read) return fail(read.error().kind, file + ": " + read.error().message);
  const WordPiece& pieces = *read;
  const auto first = MESH_TRY(frame(pieces, "[CLS]", file));
  const auto last = MESH_TRY(frame(pieces, "[SEP]", file));
  const auto kept = MESH_TRY(kept_tokens(pieces, tokenizer));
  auto words = kept;
  std::erase(words, pieces.unknown());
  if (words.empty()) return fail(ErrorKind::invalid, file + " has no tokens but special ones");

  const int processors = static_cast<int>(std::thread::hardware_concurrency());
  Encoding encoding(*teacher, first, last, words, options);
  const auto vectors = MESH_TRY(encoding.run(
      options.threads > 0 ? options.threads : std::clamp(processors, 1, kMostThreads)));
  auto rows = project_on_principal_components(vectors, width, options.dimension);
  if (!rows) return fail(ErrorKind::invalid, options.from + ": " + rows.error().message);

  // Texts are read without their unknown words: the row of those is never asked for.
  const auto unknown = std::ranges::find(kept, pieces.unknown()) - kept.begin();
  rows->insert(rows->begin() + unknown * options.dimension,
               static_cast<std::size_t>(options.dimension), 0.0F);
  weigh(*rows, static_cast<std::size_t>(options.dimension));
  const auto count = static_cast<std::int64_t>(words.size());
  if (options.progress && !options.progress(count, count)) return fail(cancelled());
  auto config = MESH_TRY(config_of(options));
  return write_static_model({.rows = std::move(*rows),
                             .dimension = options.dimension,
                             .dtype = options.dtype,
                             .tokenizer = reduced_tokenizer(std::move(tokenizer), pieces, kept),
                             .config = std::move(config)},
                            options.to);
}

}  // namespace mesh::models
