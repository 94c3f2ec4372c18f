#include "common/engines/openai/openai_extractor.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "common/base/thread.h"
#include "common/engines/openai/answer_cache.h"
#include "common/engines/openai/model_server.h"
#include "common/engines/openai/properties.h"

namespace mesh::openai {
namespace {

constexpr const char* kChatPath = "/chat/completions";
constexpr int kAnswers = 2;  // that may be bad before the event is to blame

ChemicalEvent plain_event(const TenantId& tenant) {
  ChemicalEvent event{.tenant = tenant};
  event.molecule_id = "water";
  event.data = {{"formula", "H2O"}};
  return event;
}

class Extracting final : public OpenAiExtractor {
 public:
  Extracting(ExtractorOptions options, Clock& clock)
      : options_(std::move(options)),
        server_(options_, clock),
        cache_(options_.cache_path.empty()
                   ? make_memory_cache(kMemoryCacheBytes)
                   : open_disk_cache(options_.cache_path, options_.cache_bytes, clock)) {}

  std::optional<Error> trouble() const override { return server_.trouble(); }

  std::vector<Result<Json>> extract(std::span<const ChemicalEvent> events) override {
    std::vector<Result<Json>> results(events.size(), Json());
    Call call;
    const auto work = [&] {
      for (std::size_t i = call.next++; i < events.size(); i = call.next++) {
        results[i] = properties_of(events[i], call);
      }
    };
    const auto workers =
        std::min(events.size(), static_cast<std::size_t>(std::max(options_.max_in_flight, 1)));
    std::vector<std::thread> helpers;
    for (std::size_t i = 1; i < workers; ++i) {
      helpers.emplace_back([&] {
        name_thread("extract");
        work();
      });
    }
    work();
    for (auto& helper : helpers) helper.join();
    return results;
  }

 private:
  struct Call {
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> outage;  // guarded by mutex
  };

  Result<Json> properties_of(const ChemicalEvent& event, Call& call) {
    // Of all that is asked but what servers differ in: another task or schema is another answer.
    const std::string key = cache_key(
        event.tenant, method(), dump(properties_request(options_.model, event, 0, ChatDialect{})));
    if (const auto kept = cache_->find(key)) {
      if (auto properties = parse_json(*kept)) return properties;
    }
    {
      // The rest would meet the same.
      std::lock_guard lock(call.mutex);
      if (call.outage) return fail(*call.outage);
    }
    auto properties = judged(event);
    if (properties) cache_->keep({{key, dump(*properties)}});
    if (!properties && properties.error().kind == ErrorKind::unavailable) {
      std::lock_guard lock(call.mutex);
      if (!call.outage) call.outage = properties.error();
    }
    return properties;
  }

  Result<Json> judged(const ChemicalEvent& event) {
    auto reading = ask(event);
    for (int i = 1; i < kAnswers && reading && !*reading; ++i) reading = ask(event);
    if (reading && *reading) return std::move(**reading);
    Error error = error_of(reading);
    if (error.kind == ErrorKind::unavailable) return fail(std::move(error));
    const bool failed = error.kind == ErrorKind::uncertain;
    // Whether it is the event's fault: a model that cannot do this would else make a dead letter
    // of every one.
    if (!failed && good_since_bad_.exchange(false)) return fail(std::move(error));
    const auto plain = ask(plain_event(event.tenant), Purpose::proof);
    if (plain && *plain) {
      good_since_bad_ = false;  // it says nothing of the next event
      if (failed) {
        error.kind = ErrorKind::internal;  // worth a few more attempts, but nothing to wait for
        error.message += ", at this experiment and not at others";
      }
      return fail(std::move(error));
    }
    Error why = error_of(plain);
    if (why.kind != ErrorKind::unprocessable) {
      why.kind = ErrorKind::unavailable;
      return fail(std::move(why));
    }
    return server_.down("the model " + options_.model +
                            " gives no properties even of water: check openai.model, which must "
                            "answer in a JSON schema (" +
                            why.message + ")",
                        why.cause);
  }

  std::string method() const { return "openai:" + options_.model; }

  // The properties, or what is wrong with the answer.
  using Reading = tl::expected<Json, std::string>;

  // Of a reading that is none.
  static Error error_of(const Result<Reading>& reading) {
    if (!reading) return reading.error();
    return {ErrorKind::unprocessable, "the model's answer " + reading->error(), {}, {}, {}, {}};
  }

  // One answer, whatever dialect it takes to get it.
  Result<Reading> ask(const ChemicalEvent& event, Purpose purpose = Purpose::work) {
    Result<Json> answer = Json();
    for (int tried = 0;; ++tried) {
      const ChatDialect dialect{temperature_, completion_tokens_};
      answer = server_.post(
          kChatPath, properties_request(options_.model, event, options_.max_answer_tokens, dialect),
          purpose);
      if (answer || tried == 2 || !learn(dialect, answer.error())) break;
    }
    if (!answer) return fail(std::move(answer.error()));
    if (options_.on_tokens) {
      const auto used = server_.tokens(*answer, dump(event.data).size());
      if (used > 0) options_.on_tokens(event.tenant, used);
    }
    server_.served();
    auto reading = read_properties(*answer, method());
    if (reading) good_since_bad_ = true;
    return reading;
  }

  // Whether the refusal names what the model does not take, and another request is worth a try.
  // OpenAI's newer models refuse both; other servers know only these.
  bool learn(const ChatDialect& used, const Error& refusal) {
    if (refusal.kind != ErrorKind::unprocessable) return false;
    if (!used.completion_tokens &&
        refusal.cause.find("max_completion_tokens") != std::string::npos) {
      completion_tokens_ = true;
      return true;
    }
    if (used.temperature && refusal.cause.find("temperature") != std::string::npos) {
      temperature_ = false;
      return true;
    }
    return false;
  }

  const ExtractorOptions options_;
  ModelServer server_;
  const std::unique_ptr<AnswerCache> cache_;
  std::atomic<bool> temperature_ = true;
  std::atomic<bool> completion_tokens_ = false;
  std::atomic<bool> good_since_bad_ = false;
};

}  // namespace

std::unique_ptr<OpenAiExtractor> make_extractor(ExtractorOptions options, Clock& clock) {
  return std::make_unique<Extracting>(std::move(options), clock);
}

}  // namespace mesh::openai
