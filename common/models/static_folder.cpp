#include "common/models/static_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <Eigen/Core>
#include <cmath>
#include <cstring>

#include "common/base/fd.h"
#include "common/models/files.h"
#include "common/models/safetensors.h"

namespace mesh::models {
namespace {

namespace fs = std::filesystem;

// BERT's names of them, for a tokenizer that does not list its special tokens.
constexpr std::string_view kSpecial[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

// "[unused7]".
bool is_free_place(std::string_view token) {
  constexpr std::string_view kBegin = "[unused";
  if (!token.starts_with(kBegin) || !token.ends_with(']')) return false;
  token.remove_prefix(kBegin.size());
  token.remove_suffix(1);
  return !token.empty() && token.find_first_not_of("0123456789") == token.npos;
}

template <typename T, typename Convert>
std::string converted(const std::vector<float>& numbers, Convert convert) {
  std::string bytes(numbers.size() * sizeof(T), '\0');
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const T value = convert(numbers[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
  }
  return bytes;
}

Error refused(const std::string& path, const std::string& why) {
  return {.kind = ErrorKind::internal, .message = "cannot write " + path + ": " + why};
}

Status sync_folder(const fs::path& path) {
  const Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return file_error("write", path.string());
  return {};
}

// "a/b" of "a/b/": what a rename and a folder beside need.
fs::path without_end(const std::string& folder) {
  fs::path path(folder);
  return path.has_filename() ? path : path.parent_path();
}
fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A folder that goes with its end unless it was given its name.
class Draft {
 public:
  explicit Draft(fs::path path) : path_(std::move(path)) {}
  ~Draft() {
    std::error_code ignored;  // what cannot be removed is not in anybody's way
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  std::string file(const char* name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }
  void named() { path_.clear(); }

 private:
  fs::path path_;
};

}  // namespace

Result<std::vector<std::int32_t>> kept_tokens(const WordPiece& pieces, const Json& tokenizer) {
  std::unordered_set<std::string> special;
  for (const auto token : kSpecial) special.emplace(token);
  const auto added = tokenizer.find("added_tokens");
  if (added != tokenizer.end() && added->is_array()) {
    for (const Json& token : *added) {
      // The tokenizer was read before: each is an object with a text.
      const auto content = token.at("content").get<std::string>();
      const auto flag = token.find("special");
      if (flag == token.end() || *flag != true) {
        return fail(ErrorKind::unprocessable,
                    "the tokenizer adds the token \"" + content +
                        "\", which is not special: a model is made of a vocabulary alone");
      }
      special.insert(content);
    }
  }
  std::vector<std::int32_t> kept;
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(pieces.size()); ++id) {
    const std::string& token = pieces.token(id);
    if (id == pieces.unknown() || (!special.contains(token) && !is_free_place(token)))
      kept.push_back(id);
  }
  return kept;
}

Json reduced_tokenizer(Json tokenizer, const WordPiece& pieces,
                       const std::vector<std::int32_t>& kept) {
  Json added = Json::array();
  Json vocabulary = Json::object();
  auto& members = vocabulary.get_ref<Json::object_t&>();
  for (std::size_t id = 0; id < kept.size(); ++id) {
    // Not by operator[], which looks for the name among all members.
    members.emplace_back(pieces.token(kept[id]), id);
    if (kept[id] != pieces.unknown()) continue;
    // The literal text of it, too, is no word.
    added.push_back({{"id", id},
                     {"content", pieces.token(kept[id])},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  tokenizer["truncation"] = nullptr;
  tokenizer["padding"] = nullptr;
  tokenizer["added_tokens"] = std::move(added);
  tokenizer["post_processor"] = nullptr;
  tokenizer["model"]["vocab"] = std::move(vocabulary);
  return tokenizer;
}

std::string tensor_bytes(const std::vector<float>& numbers, const std::string& dtype) {
  if (dtype == "F16") {
    return converted<Eigen::half>(numbers, [](float x) { return Eigen::half(x); });
  }
  if (dtype == "F32") return converted<float>(numbers, [](float x) { return x; });
  float largest = 0;
  for (const float x : numbers) largest = std::max(largest, std::abs(x));
  const float scale = largest > 0 ? 127.0F / largest : 0.0F;
  return converted<std::int8_t>(
      numbers, [scale](float x) { return static_cast<std::int8_t>(std::lrint(x * scale)); });
}

Status check_new_folder(const std::string& folder) {
  std::error_code error;
  const fs::path path = without_end(folder);
  const auto status = fs::status(path, error);
  if (fs::exists(status) && (!fs::is_directory(status) || !fs::is_empty(path, error) || error)) {
    return fail(ErrorKind::conflict,
                path.string() + (fs::is_directory(status) ? " is not empty" : " is no folder") +
                    ": a model is made in a new folder");
  }
  const fs::path parent = parent_of(path);
  if (!fs::is_directory(parent, error)) {
    return fail(ErrorKind::not_found, "there is no folder " + parent.string() + " to make " +
                                          path.filename().string() + " in");
  }
  return {};
}

Result<StaticModelInfo> write_static_model(const NewStaticModel& model, const std::string& folder) {
  MESH_TRY(check_new_folder(folder));
  const fs::path path = without_end(folder), parent = parent_of(path);
  const fs::path beside =
      parent / ("." + path.filename().string() + "." + std::to_string(::getpid()) + ".tmp");
  std::error_code error;
  if (!fs::create_directory(beside, error)) {
    return fail(refused(beside.string(), error ? error.message() : "it is there"));
  }
  Draft draft(beside);
  const auto tokens = static_cast<std::int64_t>(model.rows.size()) / model.dimension;
  MESH_TRY(write_safetensors(draft.file("model.safetensors"),
                             {{.name = "embeddings",
                               .dtype = model.dtype,
                               .shape = {tokens, model.dimension},
                               .bytes = tensor_bytes(model.rows, model.dtype)}}));
  MESH_TRY(write_whole(draft.file("tokenizer.json"), {dump(model.tokenizer), "\n"}));
  MESH_TRY(write_whole(draft.file("config.json"), {dump(model.config, 2), "\n"}));
  // What does not open would be found out by a server.
  const auto opened = MESH_TRY(open_static_model(draft.path()));
  fs::rename(draft.path(), path, error);
  if (error) return fail(refused(path.string(), error.message()));
  draft.named();
  MESH_TRY(sync_folder(parent));
  return opened->info();
}

}  // namespace mesh::models
