#include "cli/commands/deploy/stack.h"

#include <filesystem>
#include <set>

#include "cli/commands/deploy/cluster.h"
#include "cli/commands/deploy/source.h"
#include "cli/commands/deploy/stack_events.h"
#include "cli/files.h"
#include "cli/program.h"
#include "common/base/strings.h"

namespace mesh::cli::deploy {
namespace {

constexpr JsonLimits kPlan{.max_depth = 200, .max_bytes = std::size_t{64} << 20};
constexpr int kChanges = 2;  // of `plan -detailed-exitcode`

Program terraform(const Workplace& place, std::vector<std::string> arguments) {
  Program program{.words = {"terraform"}, .folder = place.file("terraform")};
  for (auto& word : arguments) program.words.push_back(std::move(word));
  // Not the user's TF_CLI_ARGS: a verb's flags are those that stand here.
  program.environment = {"TF_IN_AUTOMATION=1", "TF_INPUT=0",
                         "TF_DATA_DIR=" + place.file("terraform-data"), "TF_CLI_ARGS="};
  for (const char* verb : {"init", "plan", "apply", "show", "output"})
    program.environment.push_back(std::string("TF_CLI_ARGS_") + verb + "=");
  // Nor another workspace's state, or a log of what is secret.
  for (const char* name :
       {"TF_WORKSPACE", "TF_LOG", "TF_LOG_CORE", "TF_LOG_PROVIDER", "TF_LOG_PATH"})
    program.environment.push_back(std::string(name) + "=");
  return program;
}

// `folder` ends with "/".
void add_variables(const std::string& folder, const Deployment& d,
                   std::vector<std::string>& words) {
  for (const auto& file : d.variable_files) words.push_back("-var-file=" + folder + file);
  for (const auto& [name, value] : d.variables) words.push_back("-var=" + name + "=" + value);
}

// As a person has to call it, once a draft is gone.
ByHand by_hand(const Workplace& place, const Deployment& d) {
  ByHand hand{.terraform = "TF_DATA_DIR=" + shell_word(place.kept("terraform-data")) +
                           " terraform -chdir=" + shell_word(place.kept("terraform"))};
  std::vector<std::string> words;
  add_variables(place.kept(""), d, words);
  for (const auto& word : words) hand.variables += " " + shell_word(word);
  return hand;
}

void add_lock_timeout(const std::string& time, std::vector<std::string>& words) {
  if (!time.empty()) words.push_back("-lock-timeout=" + time);
}

// One run with -json: told as it goes on, its errors gathered.
class StackRun {
 public:
  StackRun(Session& session, std::string label, std::int64_t total, ByHand by_hand = {})
      : session_(session),
        progress_(session.progress(std::move(label))),
        total_(total),
        by_hand_(std::move(by_hand)) {}

  // terraform's exit code, where it is one of `good`; else what its diagnostics say.
  Result<int> run(const Program& program, const std::string& log, std::set<int> good) {
    Watched watched{.log = log,
                    .on_line = [this](const std::string& line) { see(line); },
                    .on_interrupt = [this](pid_t pid) { tell_interrupt(pid); }};
    const auto ended = run_logged(program, watched);
    progress_.clear();
    if (!ended) return fail(ended.error());
    if (good.contains(ended->code)) return ended->code;
    Error error = stack_error(diagnostics_, by_hand_);
    // Before it knows of -json, as for a wrong flag, it writes plain lines.
    if (diagnostics_.empty() && !plain_.empty())
      error.message = "terraform: " + last_lines(plain_, 4);
    return fail(std::move(error));
  }
  std::int64_t done() const { return done_; }

 private:
  void see(const std::string& line) {
    const auto event = parse_event(line);
    if (!event) {
      if (!line.starts_with('{')) plain_ += line + "\n";
      return;
    }
    if (event->kind == StackEvent::Kind::diagnostic) diagnostics_.push_back(*event);
    if (const auto text = told(*event); !text.empty()) {
      done_ += event->kind == StackEvent::Kind::complete ? 1 : 0;
      progress_.clear();
      session_.out.note("  " + text);
    }
    if (total_ > 0) progress_.update(done_, total_);
  }
  void tell_interrupt(pid_t pid) {
    progress_.clear();
    session_.out.note("interrupted: terraform (process " + std::to_string(pid) +
                      ") ends what it has begun, saves its state and lets go of the lock; "
                      "a second Ctrl-C leaves it to itself");
  }

  Session& session_;
  Progress progress_;
  const std::int64_t total_;
  const ByHand by_hand_;
  std::int64_t done_ = 0;
  std::vector<StackEvent> diagnostics_;
  std::string plain_;
};

// It holds secrets in plain text, so it is read and never logged.
Result<Json> stack_state(const Workplace& place) {
  const auto shown = MESH_TRY(run_program(terraform(place, {"show", "-json"})));
  if (shown.code != 0)
    return fail(ErrorKind::conflict, "terraform show: " + last_lines(shown.err, 3));
  return parse_json(shown.out, kPlan);
}

}  // namespace

Json backend_of(const Deployment& d, const std::string& local_path) {
  Json backend;
  if (d.state_bucket.empty()) {
    backend["local"] = {{"path", local_path}};
  } else {
    backend["s3"] = {{"bucket", d.state_bucket},
                     {"key", "mesh/" + d.name + "/terraform.tfstate"},
                     {"region", d.region},
                     {"encrypt", true},
                     {"use_lockfile", true}};
  }
  return {{"terraform", {{"backend", backend}}}};
}

Status init_stack(Session& session, const Workplace& place, const Deployment& d, const Step& step) {
  MESH_TRY(write_private_file(place.file("terraform/backend.tf.json"),
                              dump(backend_of(d, place.kept("terraform.tfstate")), 2) + "\n"));
  std::vector<std::string> words{"init", "-input=false", "-no-color", "-reconfigure"};
  // A copy of the providers, for machines that reach no registry.
  if (const char* mirror = session.surroundings.env("MESH_TF_PLUGIN_DIR");
      mirror != nullptr && *mirror != '\0') {
    words.push_back(std::string("-plugin-dir=") + mirror);
  }
  StackRun run(session, "init", 0);
  (void)MESH_TRY(run.run(terraform(place, words), step.log, {0}));
  return {};
}

Result<std::vector<std::string>> stack_begun(const Workplace& place) {
  const Json state = MESH_TRY(stack_state(place));
  return begun_of(state);
}

Status remove_begun(Session& session, const Workplace& place, const Deployment& d,
                    const std::vector<std::string>& begun, const std::string& lock_timeout,
                    const Step& step) {
  std::vector<std::string> words{"apply", "-destroy", "-json", "-input=false", "-auto-approve"};
  for (const auto& address : begun) words.push_back("-target=" + address);
  add_lock_timeout(lock_timeout, words);
  add_variables(place.file(""), d, words);
  StackRun run(session, "clean", 0, by_hand(place, d));
  (void)MESH_TRY(run.run(terraform(place, words), step.log, {0}));
  return {};
}

PlanFile::~PlanFile() {
  std::error_code none;
  std::filesystem::remove(path_, none);
}

Result<std::optional<StackPlan>> plan_stack(Session& session, const Workplace& place,
                                            const Deployment& d, const std::string& lock_timeout,
                                            const Step& step) {
  std::vector<std::string> words{"plan", "-json", "-input=false", "-detailed-exitcode",
                                 "-out=" + place.file("stack.plan")};
  add_lock_timeout(lock_timeout, words);
  add_variables(place.file(""), d, words);
  StackRun run(session, "plan", 0, by_hand(place, d));
  const int code = MESH_TRY(run.run(terraform(place, words), step.log, {0, kChanges}));
  if (code != kChanges) return std::optional<StackPlan>();
  // It holds secrets in plain text, so it is read and never logged.
  const auto shown =
      MESH_TRY(run_program(terraform(place, {"show", "-json", place.file("stack.plan")})));
  if (shown.code != 0)
    return fail(ErrorKind::conflict, "terraform show: " + last_lines(shown.err, 3));
  const Json plan = MESH_TRY(parse_json(shown.out, kPlan));
  return std::optional<StackPlan>(plan_of(plan));
}

Status apply_stack(Session& session, const Workplace& place, const Deployment& d,
                   const StackPlan& plan, const std::string& lock_timeout, Step& step) {
  std::vector<std::string> words{"apply", "-json", "-input=false"};
  add_lock_timeout(lock_timeout, words);
  words.push_back(place.file("stack.plan"));
  StackRun run(session, "stack", plan.create + plan.update + plan.remove, by_hand(place, d));
  (void)MESH_TRY(run.run(terraform(place, words), step.log, {0}));
  step.done = std::to_string(run.done()) + " resources changed";
  return {};
}

Result<Json> stack_outputs(const Session&, const Workplace& place, const Deployment& d) {
  const auto ended = MESH_TRY(run_program(terraform(place, {"output", "-json"})));
  if (ended.code != 0) {
    return fail(ErrorKind::conflict,
                "the stack of " + d.name + " cannot be read: " + last_lines(ended.err, 3));
  }
  const Json outputs = MESH_TRY(parse_json(ended.out, kPlan));
  Json all = Json::array();
  for (const auto& [name, output] : outputs.items()) {
    if (at_path(output, "sensitive") == Json(true)) continue;
    all.push_back({{"name", name}, {"value", at_path(output, "value")}});
  }
  return all;
}

Json output_of(const Json& outputs, const std::string& name) {
  for (const Json& output : outputs) {
    if (at_path(output, "name") == Json(name)) return output.at("value");
  }
  return nullptr;
}

namespace {

// Without a change to the place, also where the providers that it had are gone.
Result<Json> state_as_it_is(Session& session, const Workplace& place, const Deployment& d) {
  if (auto state = stack_state(place)) return state;
  const Draft draft = MESH_TRY(Draft::open(place));
  MESH_TRY(copy_part(place.path(), "terraform", draft));
  MESH_TRY(init_stack(session, draft, d, Step{.log = draft.log("init")}));
  return stack_state(draft);
}

}  // namespace

Status tell_stack_goes(Session& session, const Workplace& place, const Deployment& d) {
  const Json state = MESH_TRY(state_as_it_is(session, place, d));
  if (const auto kept = protected_of(state); !kept.empty()) {
    return fail(ErrorKind::conflict,
                "deletion protection keeps " + join(kept, ", ") +
                    ": nothing is taken down while it is on; if its data may go, set "
                    "deletion_protection = false in the variable postgres and run `mesh deploy "
                    "eks` with it, then destroy again");
  }
  session.out.note("goes: the stack in " + d.region + ", " +
                   std::to_string(managed_of(state).size()) + " resources");
  return {};
}

Status destroy_stack(Session& session, const Workplace& place, const Deployment& d,
                     const std::string& lock_timeout, Step& step) {
  MESH_TRY(init_stack(session, place, d, step));
  std::vector<std::string> words{"apply", "-destroy", "-json", "-input=false", "-auto-approve"};
  add_lock_timeout(lock_timeout, words);
  add_variables(place.file(""), d, words);
  StackRun run(session, "stack", 0, by_hand(place, d));
  (void)MESH_TRY(run.run(terraform(place, words), step.log, {0}));
  step.done = std::to_string(run.done()) + " resources gone";
  return {};
}

}  // namespace mesh::cli::deploy
