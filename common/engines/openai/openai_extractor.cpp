#include "common/engines/openai/openai_extractor.h"

#include <algorithm>
#include <atomic>
#include <shared_mutex>
#include <thread>

#include "common/base/strings.h"
#include "common/base/thread.h"
#include "common/base/time.h"
#include "common/engines/openai/answer_cache.h"
#include "common/engines/openai/model_server.h"
#include "common/engines/openai/properties.h"

namespace mesh::openai {
namespace {

constexpr const char* kChatPath = "/chat/completions";
// So many experiments without a good answer are no chance any more.
constexpr int kTooManyBad = 8;
// How long one call goes on beginning with events: its caller has others to answer to, such as a
// log that takes a silent reader for dead, or a process that is to end.
constexpr Duration kLongestCall{60'000};
constexpr Duration kNextCall{1'000};

ExtractorOptions with_prompt(ExtractorOptions options) {
  if (options.prompt.empty()) options.prompt = kDefaultPrompt;
  return options;
}

ChemicalEvent plain_event(const TenantId& tenant) {
  ChemicalEvent event{.tenant = tenant};
  event.molecule_id = "water";
  event.data = {{"formula", "H2O"}};
  return event;
}

class Extracting final : public OpenAiExtractor {
 public:
  Extracting(ExtractorOptions options, Clock& clock)
      : clock_(clock),
        options_(with_prompt(std::move(options))),
        origin_{options_.model, version_of(options_.prompt)},
        server_(options_, clock),
        cache_(options_.cache_path.empty()
                   ? make_memory_cache(kMemoryCacheBytes)
                   : open_disk_cache(options_.cache_path, options_.cache_bytes, clock)) {}

  std::optional<Error> trouble() const override {
    if (auto trouble = server_.trouble()) return trouble;
    if (bad_in_a_row_ < kTooManyBad) return std::nullopt;
    return Error{ErrorKind::unavailable,
                 "the last " + std::to_string(bad_in_a_row_) +
                     " experiments got no good answer of " + options_.model + ": check " +
                     options_.model_setting +
                     ", which must answer in a JSON schema, and extractor.prompt_file",
                 {},
                 {},
                 {},
                 {}};
  }
  void keep_to(Budget budget) override {
    std::lock_guard lock(budget_mutex_);
    budget_ = std::move(budget);
  }

  std::vector<Result<Json>> extract(std::span<const ChemicalEvent> events) override {
    std::vector<Result<Json>> results(events.size(), Json());
    Call call{clock_.steady() + kLongestCall};
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
    const SteadyTime until;
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::optional<Error> outage;  // guarded by mutex
  };

  Result<Json> properties_of(const ChemicalEvent& event, Call& call) {
    // Of all that is asked but what servers differ in: another prompt or schema is another answer.
    const std::string key = cache_key(
        event.tenant, "openai:" + options_.model,
        dump(properties_request(options_.model, options_.prompt, event, 0, ChatDialect{})));
    if (const auto kept = cache_->find(key)) {
      if (auto properties = parse_json(*kept)) return properties;
    }
    // Before the outage, which is nothing to wait for then.
    if (const auto ends = used_up_until(event.tenant)) return beyond_budget(event, *ends);
    if (clock_.steady() >= call.until) return next_time();
    {
      // The rest would meet the same.
      std::lock_guard lock(call.mutex);
      if (call.outage) return fail(*call.outage);
    }
    auto properties = judged(event);
    if (properties) {
      bad_in_a_row_ = 0;
      cache_->keep({{key, dump(*properties)}});
    } else if (properties.error().kind == ErrorKind::unavailable) {
      std::lock_guard lock(call.mutex);
      if (!call.outage) call.outage = properties.error();
    } else if (properties.error().kind == ErrorKind::unprocessable) {
      ++bad_in_a_row_;
      if (stands_in()) {
        return computed(event, ExtractorOptions::Why::answer,
                        "computed, since " + properties.error().message);
      }
    }
    return properties;
  }

  std::optional<Timestamp> used_up_until(const TenantId& tenant) {
    std::shared_lock lock(budget_mutex_);
    return budget_ ? budget_(tenant) : std::nullopt;
  }

  static tl::unexpected<Error> next_time() {
    Error error{ErrorKind::unavailable,
                "the model takes longer than a minute for these experiments; the next call goes on",
                {},
                {},
                {},
                {}};
    error.retry_after = kNextCall;
    return fail(std::move(error));
  }

  bool stands_in() const { return options_.stand_in && options_.stands_in_for_bad_answers; }

  Result<Json> beyond_budget(const ChemicalEvent& event, Timestamp ends) {
    const std::string why = "computed, since the tenant's chat_tokens_per_day are used up until " +
                            format_rfc3339(ends);
    if (options_.stand_in) return computed(event, ExtractorOptions::Why::budget, why);
    return fail(ErrorKind::rate_limited, why);
  }

  // What the stand-in says, marked as such.
  Result<Json> computed(const ChemicalEvent& event, ExtractorOptions::Why why,
                        const std::string& because) {
    auto properties = MESH_TRY(std::move(options_.stand_in->extract({&event, 1}).at(0)));
    properties["strategy"] = "fallback";
    const auto note = properties.find("note");
    properties["note"] =
        note == properties.end() ? because : because + "; " + note->get<std::string>();
    if (options_.on_stand_in) options_.on_stand_in(why);
    return properties;
  }

  // `again`: the plain event has taught how the model is to be asked.
  Result<Json> judged(const ChemicalEvent& event, bool again = false) {
    const ChatDialect before = dialect();
    auto reading = ask(event);
    if (reading && !*reading) {
      const BadAnswer bad = reading->error();
      reading = ask(event, Purpose::repair, &bad);
    }
    if (reading && *reading) return std::move(**reading);
    Error error = error_of(reading);
    if (error.kind == ErrorKind::unavailable) return fail(std::move(error));
    const bool failed = error.kind == ErrorKind::uncertain, refused = !failed && !reading;
    // Nothing dies of a bad answer where something stands in for it.
    if (!failed && !refused && stands_in()) return fail(std::move(error));
    // Whether it is the event's fault: a model that cannot do this would else make a dead letter
    // of every one, or a server that refuses all an answer of the stand-in.
    if (!failed && good_since_bad_.exchange(false)) return fail(std::move(error));
    const auto plain = ask(plain_event(event.tenant), Purpose::proof);
    if (plain && refused && !again && dialect() != before) return judged(event, true);
    if (plain && (*plain || stands_in())) {
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
                            " gives no properties even of water: check " + options_.model_setting +
                            ", which must answer in a JSON schema (" + why.message + ")",
                        why.cause);
  }

  // The properties, or what is wrong with the answer.
  using Reading = tl::expected<Json, BadAnswer>;

  // Of a reading that is none.
  static Error error_of(const Result<Reading>& reading) {
    if (!reading) return reading.error();
    return {ErrorKind::unprocessable, "the model's answer " + reading->error().why, {}, {}, {}, {}};
  }

  // One answer, whatever dialect it takes to get it. `repairs`: in place of this bad one.
  Result<Reading> ask(const ChemicalEvent& event, Purpose purpose = Purpose::work,
                      const BadAnswer* repairs = nullptr) {
    Result<Json> answer = Json();
    std::size_t asked_bytes = 0;
    const std::string told = told_of(event, repairs);
    for (int tried = 0;; ++tried) {
      const ChatDialect used = dialect();
      const Json request = properties_request(options_.model, options_.prompt, event,
                                              options_.max_answer_tokens, used, repairs);
      asked_bytes = dump(request.at("messages")).size();
      answer = server_.post(kChatPath, request, purpose);
      if (answer || tried == 2 || !learn(used, answer.error(), told)) break;
    }
    if (!answer) return fail(std::move(answer.error()));
    if (options_.on_tokens) {
      const auto choices = answer->find("choices");
      const auto used = server_.tokens(*answer, asked_bytes,
                                       choices == answer->end() ? 0 : dump(*choices).size());
      if (used.all() > 0) options_.on_tokens(event.tenant, used);
    }
    server_.served();
    auto reading = read_properties(*answer, origin_);
    if (reading) good_since_bad_ = true;
    return reading;
  }

  ChatDialect dialect() const { return {temperature_, completion_tokens_}; }

  // What the tenant has a hand in, of what the model is told; in small letters.
  static std::string told_of(const ChemicalEvent& event, const BadAnswer* repairs) {
    std::string told = event.molecule_id + "\n" + dump(event.data);
    if (repairs != nullptr && repairs->is) told += "\n" + *repairs->is;
    return to_lower(told);
  }

  // Whether the refusal names what the model does not take, and another request is worth a try.
  // OpenAI's newer models refuse both; other servers know only these. A server may quote what it
  // was told: a word that stands in that as well teaches nothing, since one tenant's data would
  // then change how everybody's are asked. The plain event, which has none of them, does.
  bool learn(const ChatDialect& used, const Error& refusal, const std::string& told) {
    if (refusal.kind != ErrorKind::unprocessable) return false;
    const auto names = [&](const char* word) {
      return refusal.cause.find(word) != std::string::npos && told.find(word) == std::string::npos;
    };
    if (!used.completion_tokens && names("max_completion_tokens")) {
      completion_tokens_ = true;
      return true;
    }
    if (used.temperature && names("temperature")) {
      temperature_ = false;
      return true;
    }
    return false;
  }

  Clock& clock_;
  const ExtractorOptions options_;
  const Origin origin_;
  std::shared_mutex budget_mutex_;  // held shared while it is asked
  Budget budget_;                   // guarded by it; may be empty
  ModelServer server_;
  const std::unique_ptr<AnswerCache> cache_;
  std::atomic<bool> temperature_ = true;
  std::atomic<bool> completion_tokens_ = false;
  std::atomic<bool> good_since_bad_ = false;
  std::atomic<int> bad_in_a_row_ = 0;  // experiments; an outage is none
};

}  // namespace

std::unique_ptr<OpenAiExtractor> make_extractor(ExtractorOptions options, Clock& clock) {
  return std::make_unique<Extracting>(std::move(options), clock);
}

}  // namespace mesh::openai
