#include "cli/commands/verb.h"
#include "cli/interrupt.h"
#include "cli/render/width.h"
#include "common/models/distillation.h"
#include "common/models/static_model.h"

namespace mesh::cli {
namespace {

struct ModelArgs {
  models::Distillation options;
  std::string dtype = "int8";
  std::string folder;
};

// As options and tools write it, and as files of tensors do.
struct ModelType {
  const char* word;
  const char* tensor;
};
constexpr ModelType kModelTypes[] = {{"int8", "I8"}, {"f16", "F16"}, {"f32", "F32"}};

const View& model_view() {
  static const View view{
      "path",
      {{"path", "PATH", "its folder"},
       {"embedder", "EMBEDDER", "its name in generations of an index and in mesh check"},
       {"tokens", "TOKENS", "words and parts of words that it knows", Field::Show::always,
        Field::Kind::count},
       {"dimension", "DIMENSION", "numbers of a vector"},
       {"dtype", "DTYPE", "what these are in the file"},
       {"bytes", "SIZE", "of its three files", Field::Show::always, Field::Kind::size},
       {"normalize", "NORMALIZE", "whether its vectors are divided by their length",
        Field::Show::wide},
       {"hash", "HASH", "SHA-256 over its three files", Field::Show::wide}}};
  return view;
}

// The path as a meshd that was started elsewhere finds it.
std::string absolute_path(const std::string& folder) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(folder, failed);
  return failed ? folder : path.string();
}

Json model_row(const std::string& path, const models::StaticModelInfo& info) {
  std::string dtype = info.dtype;
  for (const auto& [word, tensor] : kModelTypes) {
    if (dtype == tensor) dtype = word;
  }
  return {{"path", path},
          {"embedder", models::embedder_id(info)},
          {"tokens", info.tokens},
          {"dimension", info.dimension},
          {"dtype", dtype},
          {"bytes", info.bytes},
          {"normalize", info.normalize},
          {"hash", info.hash}};
}

Outcome build_model(Session& session, const ModelArgs& args) {
  models::Distillation options = args.options;
  for (const auto& [word, tensor] : kModelTypes) {
    if (args.dtype == word) options.dtype = tensor;
  }
  const InterruptGuard interrupt;
  Progress progress = session.progress("model");
  options.progress = [&](std::int64_t done, std::int64_t of) {
    progress.update(done, of);
    return !InterruptGuard::interrupted();
  };
  const auto made = models::distil(options);
  progress.clear();
  if (!made) {
    if (made.error().kind != ErrorKind::cancelled) return fail(made.error());
    session.out.note("mesh: stopped; " + printable(options.to) + " was not made");
    return InterruptGuard::exit();
  }
  const std::string path = absolute_path(options.to);
  session.out.record(model_view(), model_row(path, *made));
  session.out.note("meshd reads it with\n  embedder: {engine: static, path: " + printable(path) +
                   "}");
  return Exit::ok;
}

Outcome model_info(Session& session, const ModelArgs& args) {
  const auto model = MESH_TRY(models::open_static_model(args.folder));
  session.out.record(model_view(), model_row(absolute_path(args.folder), model->info()));
  return Exit::ok;
}

}  // namespace

void add_model(Commands& commands) {
  auto args = std::make_shared<ModelArgs>();
  auto& models = commands.group("model", "Models that meshd makes vectors with", purpose::kOperate);
  auto& build = commands.verb(
      models,
      {.name = "build",
       .summary = "Make a static model of a sentence transformer",
       .details =
           "Asks the transformer once for each token of its vocabulary and keeps the answers: what "
           "meshd reads then is a table, and a text's vector costs microseconds. The folder has "
           "the transformer's model.safetensors, tokenizer.json and config.json, of a BERT; "
           "nothing is downloaded. Takes a minute or so and some 300 MB for one of six layers. "
           "Ctrl-C leaves nothing behind. The model is under the transformer's licence.",
       .examples = "mesh model build --from all-MiniLM-L6-v2 --to /var/lib/mesh-model\n"
                   "mesh model build --from all-MiniLM-L6-v2 --to model --dimension 128 "
                   "--dtype f16 --threads 2\n",
       .tenant = TenantUse::none,
       .view = &model_view(),
       .run = [args](Session& session) { return build_model(session, *args); },
       .needs = Needs::nothing});
  build.add_option("--from", args->options.from, "Folder of the sentence transformer")
      ->required()
      ->type_name("DIR");
  build.add_option("--to", args->options.to, "Folder to make; there, it must be empty")
      ->required()
      ->type_name("DIR");
  build
      .add_option("--dimension", args->options.dimension,
                  "Numbers of a vector (256); at most the transformer's")
      ->check(whole_number(1, 65'536))
      ->type_name("N");
  build
      .add_option("--dtype", args->dtype,
                  "What they are in the file (int8); f16 and f32 are two and four times as large")
      ->check(CLI::IsMember({"int8", "f16", "f32"}))
      ->type_name("int8|f16|f32");
  build
      .add_option("--threads", args->options.threads,
                  "Threads that work on it (as many as there are processors)")
      ->check(whole_number(1, 256))
      ->type_name("N");

  auto& info = commands.verb(
      models,
      {.name = "info",
       .summary = "Show what a static model is",
       .details = "Reads the folder as meshd does, and fails where that would. EMBEDDER is what an "
                  "index remembers: with another one it is built anew.",
       .examples = "mesh model info /var/lib/mesh-model\n"
                   "mesh model info model -o json\n",
       .tenant = TenantUse::none,
       .view = &model_view(),
       .run = [args](Session& session) { return model_info(session, *args); },
       .needs = Needs::nothing});
  info.add_option("DIR", args->folder, "The model's folder")->required();
}

}  // namespace mesh::cli
