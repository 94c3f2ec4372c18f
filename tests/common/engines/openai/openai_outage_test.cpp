// What an embedder makes of a server that does not work, or does not want to.
#include <future>

#include "common/engines/openai/batch_size.h"
#include "common/engines/openai/embeddings.h"
#include "tests/common/engines/openai/embedder_fixture.h"

namespace mesh::openai {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::ScriptedAnswer;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class OpenAiOutageTest : public EmbedderFixture {
 protected:
  // Beyond what an open breaker waits.
  void pass() { clock.advance(seconds(60)); }
};

TEST_F(OpenAiOutageTest, AShortRetryAfterIsWaitedForAndTheCallGoesThrough) {
  model.next({429, R"({"error":{"message":"slow down","code":429}})", {{"Retry-After", "1"}}});
  std::thread moves([&] {
    clock.await_waiters(1);
    EXPECT_EQ(model.requests(), 1);
    clock.advance(seconds(1));
  });
  EXPECT_TRUE(embed({"alice"}));
  moves.join();
  EXPECT_EQ(model.requests(), 2);
}

TEST_F(OpenAiOutageTest, ALongRetryAfterIsToldAndKept) {
  model.next({429, "", {{"retry-after", "20"}}});
  Error error = error_of({"alice"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_EQ(error.retry_after, seconds(20));
  clock.advance(milliseconds(17'500));
  EXPECT_EQ(error_of({"bob"}).retry_after, milliseconds(2'500));
  EXPECT_EQ(model.requests(), 1) << "nothing is sent before";
  clock.advance(milliseconds(2'500));
  EXPECT_TRUE(embed({"alice"}));
}

TEST_F(OpenAiOutageTest, MillisecondsAndA503WithRetryAfterAreHeededToo) {
  model.next({429, "", {{"Retry-After", "9"}, {"retry-after-ms", "8500"}}});
  EXPECT_EQ(error_of({"alice"}).retry_after, milliseconds(8'500));
  clock.advance(seconds(9));
  model.next({503, "loading", {{"Retry-After", "30"}}});
  EXPECT_EQ(error_of({"alice"}).retry_after, seconds(30));
}

TEST_F(OpenAiOutageTest, ADateInRetryAfterIsHeededAndBoundedAsSecondsAre) {
  model.next({429, "", {{"Retry-After", "Thu, 01 Jan 2026 00:00:20 GMT"}}});
  EXPECT_EQ(error_of({"alice"}).retry_after, seconds(20));
  clock.advance(seconds(20));
  model.next({503, "loading", {{"Retry-After", "Fri, 02 Jan 2026 00:00:00 GMT"}}});
  EXPECT_EQ(error_of({"alice"}).retry_after, seconds(3'600));
}

// Of a 503 it said 429.
TEST_F(OpenAiOutageTest, ThePauseIsToldWithTheStatusThatAskedForIt) {
  model.next({503, "loading", {{"Retry-After", "30"}}});
  EXPECT_THAT(error_of({"alice"}).message, HasSubstr("takes no more requests for now (503)"));
  EXPECT_THAT(error_of({"bob"}).message, HasSubstr("(503)"));
  EXPECT_THAT(embedder->trouble()->message, HasSubstr("(503)"));
  clock.advance(seconds(30));
  model.next({429, "", {{"Retry-After", "30"}}});
  EXPECT_THAT(error_of({"alice"}).message, HasSubstr("(429)"));
}

TEST_F(OpenAiOutageTest, WhatTheServerOrANetworkBreaksIsAnOutage) {
  const std::vector<ScriptedAnswer> broken{
      {500, R"({"error":{"message":"boom","code":500}})", {}},
      {502, "<html>Bad Gateway</html>", {}},
      {200, R"({"data":[{"embedding":[1,2,3)", {}},
      {200, "<html>hello</html>", {}},
      {200, "[]", {}},
      {200, "{}", {}},
      {200, R"({"data":[]})", {}},
      {200, R"({"data":[{"index":0}]})", {}},
      {200, R"({"data":[{"index":7,"embedding":[1,2]}]})", {}},
      {200, R"({"data":[{"index":0,"embedding":[1,"x"]}]})", {}},
      {200, R"({"data":[{"index":0,"embedding":"no base64"}]})", {}},
      {200, R"({"data":[{"index":0,"embedding":[]}]})", {}},
      {301, "", {{"Location", "http://127.0.0.1/"}}},
      {200, R"({"data":[{"index":0,"embedding":[1,2]}]})", {}, 12}};
  for (const auto& answer : broken) {
    // A plain text is asked for as well, but where the connection broke.
    model.next(answer, answer.cut_after ? 1 : 2);
    const Error error = error_of({"alice"});
    EXPECT_EQ(error.kind, ErrorKind::unavailable) << answer.body << error.to_string();
    EXPECT_THAT(error.message, Not(HasSubstr("alice")));
    EXPECT_TRUE(embedder->trouble());
    pass();
  }
  EXPECT_TRUE(embed({"alice"}));
  EXPECT_FALSE(embedder->trouble());
}

TEST_F(OpenAiOutageTest, AServerThatIsSlowIsAnOutageThatNamesTheKey) {
  options.timeout = milliseconds(50);
  std::promise<void> go;
  model.before_answer([gone = go.get_future().share()] { gone.wait(); });
  EXPECT_THAT(error_of({"alice"}).message, HasSubstr("50 ms (openai.timeout)"));
  go.set_value();
}

TEST_F(OpenAiOutageTest, AServerThatIsNotThereIsAnOutageThatNamesTheKey) {
  options.base_url = test::RawListener().url();  // closed again
  const Error error = error_of({"alice"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr("openai.base_url"), Not(HasSubstr("127.0.0.1"))));
  EXPECT_THAT(error.cause, HasSubstr(options.base_url)) << "for the log";
}

TEST_F(OpenAiOutageTest, AWrongKeyOrModelIsAnOutageThatNamesTheKeyOfTheConfiguration) {
  options.api_key = "wrong";
  Error error = error_of({"alice"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, AllOf(HasSubstr("openai.api_key_file"), Not(HasSubstr("wrong"))));
  options.api_key = test::FakeModel::kKey;
  open();
  model.next({403, "no such key", {}}, 2);  // of the plain text, too
  error = error_of({"alice"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, HasSubstr("put a valid one into openai.api_key_file"));
  options.api_key.clear();
  open();
  EXPECT_THAT(error_of({"alice"}).message, HasSubstr("openai.api_key_file"));
  options.api_key = test::FakeModel::kKey;
  options.model = "another";
  open();
  error = error_of({"alice"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, HasSubstr("openai.model"));
}

TEST_F(OpenAiOutageTest, AfterFailuresInARowTheServerIsLeftAloneAndTheReasonIsKept) {
  model.next({503, "boom", {}}, 3);
  for (int i = 0; i < 3; ++i) error_of({"alice"});
  const Error error = error_of({"alice"});
  EXPECT_EQ(model.requests(), 3);
  EXPECT_EQ(error.kind, ErrorKind::unavailable);
  EXPECT_THAT(error.message, HasSubstr("503"));
  EXPECT_EQ(error.retry_after, milliseconds(500));
  clock.advance(milliseconds(500));
  EXPECT_TRUE(embed({"alice"}));
}

TEST_F(OpenAiOutageTest, ATextThatIsRefusedFailsAndItsNeighboursAreKept) {
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back("user" + std::to_string(i));
  texts[7] = "much too long";
  const Error error = error_of(texts);
  EXPECT_EQ(error.kind, ErrorKind::unprocessable);
  EXPECT_THAT(error.message, HasSubstr("13 bytes"));
  EXPECT_LE(model.requests(), 10);
  const int before = model.requests();
  texts.erase(texts.begin() + 7);
  EXPECT_TRUE(embed(texts));
  EXPECT_EQ(model.requests(), before) << "what was embedded is kept";
  EXPECT_FALSE(embedder->trouble());
}

TEST_F(OpenAiOutageTest, ATextThatIsRefusedAloneIsToBlameOnlyWhereAPlainOneIsTaken) {
  EXPECT_EQ(error_of({"too long"}).kind, ErrorKind::unprocessable);
  EXPECT_EQ(model.requests(), 2);
  Form form;
  form.refuses_all = true;
  model.form(form);
  const Error error = error_of({"alice", "bob", "carol"});
  EXPECT_EQ(error.kind, ErrorKind::unavailable) << "else every event would be a dead letter";
  EXPECT_THAT(error.message, HasSubstr("openai.model"));
}

TEST_F(OpenAiOutageTest, AServerThatTakesFewerTextsAtOnceIsAskedForFewerFromThenOn) {
  Form form;
  form.most_texts = 5;
  model.form(form);
  std::vector<std::string> texts;
  for (int i = 0; i < 20; ++i) texts.push_back("user" + std::to_string(i));
  ASSERT_TRUE(embed(texts));
  EXPECT_EQ(model.requests(), 7);
  for (auto& text : texts) text += "@acme.dev";
  texts[0] = "much too long";
  EXPECT_EQ(error_of(texts).kind, ErrorKind::unprocessable);
  texts.erase(texts.begin());
  for (auto& text : texts) text += "again";
  const int before = model.requests();
  ASSERT_TRUE(embed(texts));
  EXPECT_EQ(model.requests(), before + 4) << "a text that is refused does not make it fewer";
}

// It stayed so until a restart, also where the server had only been slow for a while.
TEST_F(OpenAiOutageTest, AfterAWhileItIsAskedForMoreAgain) {
  Form form;
  form.most_texts = 5;
  model.form(form);
  int round = 0;
  const auto requests_for_20 = [&] {
    std::vector<std::string> texts;
    for (int i = 0; i < 20; ++i) {
      texts.push_back("user" + std::to_string(i) + " of round " + std::to_string(round));
    }
    ++round;
    const int before = model.requests();
    EXPECT_TRUE(embed(texts));
    return model.requests() - before;
  };
  EXPECT_EQ(requests_for_20(), 7);
  EXPECT_EQ(requests_for_20(), 4);
  clock.advance(BatchSize::kTryMore);
  EXPECT_EQ(requests_for_20(), 5) << "one of ten, which is refused, and is asked for in halves";
  EXPECT_EQ(requests_for_20(), 4);
  model.form({});
  clock.advance(BatchSize::kTryMore);
  EXPECT_EQ(requests_for_20(), 2);
  clock.advance(BatchSize::kTryMore);
  EXPECT_EQ(requests_for_20(), 1);
}

// As llama.cpp's, of a text that does not fit into its batch.
TEST_F(OpenAiOutageTest, ATextThatTheServerFailsAtHoldsNothingUpWhereAPlainOneIsTaken) {
  Form form;
  form.breaks_on = "poison";
  model.form(form);
  std::vector<std::string> texts;
  for (int i = 0; i < 8; ++i) texts.push_back("user" + std::to_string(i));
  texts[3] = "poison";
  const Error error = error_of(texts);
  EXPECT_EQ(error.kind, ErrorKind::internal) << "neither an outage nor dead at once";
  EXPECT_THAT(error.message, HasSubstr("6 bytes"));
  EXPECT_EQ(error_of({"poison"}).kind, ErrorKind::internal);
  const int before = model.requests();
  texts.erase(texts.begin() + 3);
  EXPECT_TRUE(embed(texts));
  EXPECT_EQ(model.requests(), before) << "its neighbours are kept";
  texts = {"poison", "much too long", "poison 2"};
  EXPECT_EQ(error_of(texts).kind, ErrorKind::unprocessable) << "a refusal is told first";
}

// As of a firewall that dislikes it, a proxy's page or a vector of no numbers.
TEST_F(OpenAiOutageTest, ATextThatGetsAnotherAnswerThanTheApisHoldsNothingUp) {
  const std::vector<ScriptedAnswer> broken{
      {403, "blocked", {}},
      {302, "", {{"Location", "http://127.0.0.1/"}}},
      {502, "<html>Bad Gateway</html>", {}},
      {200, "<html>hello</html>", {}},
      {200, R"({"data":[{"index":0,"embedding":[1,null]}]})", {}}};
  for (const auto& answer : broken) {
    Form form;
    form.breaks_on = "poison";
    form.breaks_with = answer;
    model.form(form);
    const Error error = error_of({"poison"});
    EXPECT_EQ(error.kind, ErrorKind::internal) << error.to_string();
    EXPECT_THAT(error.message, Not(HasSubstr("check ")));
    EXPECT_FALSE(embedder->trouble());
    pass();
  }
}

// Else it would hold everything up for ever where it is the first to be tried after an outage.
TEST_F(OpenAiOutageTest, ATextThatTheServerFailsAtEndsNoBreakersTrial) {
  Form form;
  form.breaks_on = "poison";
  model.form(form);
  model.next({503, "boom", {}}, 3);
  for (int i = 0; i < 3; ++i) error_of({"alice"});
  clock.advance(milliseconds(500));
  EXPECT_EQ(error_of({"poison"}).kind, ErrorKind::internal);
  EXPECT_TRUE(embed({"alice"})) << "the server works again";
  model.next({503, "boom", {}}, 3);
  for (int i = 0; i < 3; ++i) error_of({"bob"});
  clock.advance(milliseconds(500));
  model.next({500, "boom", {}}, 2);
  EXPECT_EQ(error_of({"bob"}).kind, ErrorKind::unavailable) << "a plain text fails, too";
  const int before = model.requests();
  EXPECT_EQ(error_of({"bob"}).kind, ErrorKind::unavailable);
  EXPECT_EQ(model.requests(), before) << "one trial at a time";
}

TEST_F(OpenAiOutageTest, WhatWasEmbeddedBeforeAnOutageIsNotAskedForAgain) {
  options.max_batch = 2;
  options.cache_path = dir.file("cache.db");
  std::atomic<int> seen = 0;
  model.before_answer([&] {
    if (++seen == 2) model.next({503, "boom", {}});
  });
  EXPECT_EQ(error_of({"a", "b", "c", "d"}).kind, ErrorKind::unavailable);
  EXPECT_TRUE(embed({"a", "b", "c", "d"}));
  EXPECT_EQ(model.requests(), 3);
  EXPECT_THAT(input(), ElementsAre("c", "d"));
}

TEST(Embeddings, TheZeroVectorStaysWhatItIs) {
  std::vector<float> zero(4), other{3, 0, 4, 0};
  normalise(zero);
  normalise(other);
  EXPECT_EQ(zero, std::vector<float>(4));
  EXPECT_EQ(other, (std::vector<float>{0.6f, 0, 0.8f, 0}));
}

TEST(Embeddings, AnAnswerThatIsNotWhatWasAskedSaysWhy) {
  const auto why = [](const char* answer, std::size_t texts) {
    const auto vectors = read_embeddings(Json::parse(answer), texts);
    return vectors ? std::string("taken") : vectors.error();
  };
  EXPECT_EQ(why(R"({"data":[{"embedding":[1]}]})", 2), "has 1 vectors for 2 texts");
  EXPECT_EQ(why(R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})", 2),
            "has two vectors for one text");
  EXPECT_EQ(why(R"({"data":[{"embedding":[1]},{"embedding":[1,2]}]})", 2),
            "has vectors of several lengths");
  EXPECT_EQ(why(R"({"data":[{"embedding":[1e300]}]})", 1), "has a vector that does not read");
  EXPECT_EQ(why(R"({"data":[{"embedding":[1],"index":null}]})", 1), "taken");
}

}  // namespace
}  // namespace mesh::openai
