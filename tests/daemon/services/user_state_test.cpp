// Why a search does not find a user, over the embedded engines.
#include "daemon/pipeline/trace/user_state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "common/base/ids.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/hybrid/hybrid_embedder.h"
#include "common/engines/sqlite/log/sqlite_log.h"
#include "common/engines/sqlite/points/embedded_index.h"
#include "common/engines/sqlite/store/sqlite_store.h"
#include "common/engines/static_model/static_embedder.h"
#include "daemon/pipeline/dead_letters/dead_letter_record.h"
#include "daemon/pipeline/groups.h"
#include "tests/support/append_and_wait.h"
#include "tests/support/fake_engines.h"
#include "tests/support/manual_clock.h"
#include "tests/support/outbox.h"
#include "tests/support/static_folder.h"
#include "tests/support/temp_dir.h"

namespace mesh::pipeline {
namespace {

using ::testing::HasSubstr;
using Reason = WhyNot::Reason;

constexpr const char* kGroup = "user-index-1";

// Counts the texts that tenants pay for.
class PaidEmbedder final : public Embedder {
 public:
  explicit PaidEmbedder(std::unique_ptr<Embedder> embedder) : embedder_(std::move(embedder)) {}
  int dimension() const override { return embedder_->dimension(); }
  std::string id() const override { return embedder_->id(); }
  Result<std::vector<std::vector<float>>> embed(std::span<const TenantText> texts) override {
    billed += std::ranges::count_if(texts, &TenantText::billed);
    return embedder_->embed(texts);
  }
  Result<QueryVectors> embed_query(const TenantText& query, std::optional<double> ratio) override {
    billed += query.billed;
    return embedder_->embed_query(query, ratio);
  }
  std::ptrdiff_t billed = 0;

 private:
  const std::unique_ptr<Embedder> embedder_;
};

class UserStateTest : public ::testing::Test {
 protected:
  explicit UserStateTest(std::unique_ptr<Embedder> embedder = hashing::make_embedder(64))
      : embedder_(std::make_unique<PaidEmbedder>(std::move(embedder))) {}
  void SetUp() override {
    for (const char* topic : {"user.events", "user.events.dlq"}) {
      ASSERT_TRUE(log_->ensure_topic({topic, TopicKind::activity, 2, {}, {}}));
    }
  }
  void serve(const std::string& embedder) {
    ASSERT_TRUE(index_->create_generation({embedder_->dimension(), embedder}, 0));
    ASSERT_TRUE(index_->serve(1, 0));
    ASSERT_TRUE(log_->ensure_group(kGroup, {"user.events"}));
  }
  void serve() { serve(embedder_->id()); }

  User create(const std::string& name, const TenantId& tenant) {
    std::promise<User> made;
    store_->users().create(tenant, {name + "@acme.dev", name}, {},
                           [&](Result<ChangedUser> user) { made.set_value(user.value()); });
    return made.get_future().get();
  }
  User create(const std::string& name) { return create(name, acme_); }
  void remove(const User& user) {
    std::promise<void> done;
    store_->users().remove(user.tenant, user.id, {},
                           [&](const Result<ChangedUser>&) { done.set_value(); });
    done.get_future().get();
  }
  // As the relay does: the records, with their places.
  void relay() {
    const auto entries = test::waiting(store_->outbox()).value();
    for (const auto& entry : entries) ASSERT_TRUE(test::append_and_wait(*log_, {entry.record}));
    ASSERT_TRUE(test::acknowledge(store_->outbox(), store_->leases(), test::sequences(entries)));
  }
  void pass_all() {
    for (std::int32_t p = 0; p < 2; ++p) {
      const TopicPartition partition{"user.events", p};
      (void)log_->seek_group(kGroup, {{partition, log_->watermarks(partition)->end}});
    }
  }
  void index(const User& user) {
    const TenantText text{user.tenant, embedding_text(user.name, user.email)};
    const VectorChange point{
        user.tenant, user.id,   user.version, embedder_->embed({&text, 1}).value().front(),
        user.email,  user.name, "event"};
    ASSERT_TRUE(index_->apply(1, {&point, 1}));
  }
  User searchable(const std::string& name) {
    auto user = create(name);
    relay();
    index(user);
    pass_all();
    return user;
  }
  StoredRecord record_of(const User& user) {
    const std::string key = key_of(user.tenant, std::to_string(user.id));
    const TopicPartition partition{"user.events", static_cast<std::int32_t>(stable_hash(key) % 2)};
    auto read = log_->read(partition, 0, {}).value();
    return *std::ranges::find(read.records, key, &StoredRecord::key);
  }
  WhyNot why(const std::string& who, const std::string& query = "ann", int limit = 10) {
    return why_not(ports_, {acme_, query, who, limit, 0.2F}).value();
  }

  test::TempDir dir_;
  ManualClock clock_;
  const TenantId acme_ = TenantId::parse("acme").value();
  const TenantId globex_ = TenantId::parse("globex").value();
  const std::unique_ptr<PaidEmbedder> embedder_;
  std::unique_ptr<sqlite::SqliteLog> log_ =
      sqlite::SqliteLog::open(dir_.path(), {.upkeep_interval = Duration(0)}, clock_).value();
  std::unique_ptr<sqlite::SqliteStore> store_ =
      sqlite::SqliteStore::open(dir_.path(), {}, clock_).value();
  std::unique_ptr<VectorIndex> index_ = sqlite::open_embedded_index(dir_.path(), {}).value();
  test::FakeEmbedders embedders_{*embedder_};
  const UserPorts ports_{store_->users(),
                         {*log_, *log_, store_->outbox(), store_->retries(), *index_, embedders_,
                          store_->analytics(), store_->chemical(), clock_}};
};

TEST_F(UserStateTest, AUserThatIsFoundHasARankAndAScore) {
  serve();
  searchable("ann");
  const auto found = why("ann@acme.dev");
  EXPECT_EQ(found.reason, Reason::found) << found.text;
  EXPECT_EQ(found.rank, 1);
  EXPECT_EQ(why("1").reason, Reason::found);
}

TEST_F(UserStateTest, TheQuestionIsNotBilledToTheTenant) {
  serve();
  const auto user = searchable("ann");
  const auto before = embedder_->billed;
  EXPECT_EQ(why(user.email).reason, Reason::found);
  EXPECT_EQ(embedder_->billed, before);
}

TEST_F(UserStateTest, AScoreBelowTheBoundIsNamedBesideIt) {
  serve();
  searchable("ann");
  const auto user = searchable("zoe-quux");
  const auto low = why(user.email);
  EXPECT_EQ(low.reason, Reason::score) << low.text;
  EXPECT_LT(*low.score, 0.2F);
  EXPECT_THAT(low.text, HasSubstr("below min_score 0.20"));
}

// Of meaning every text has its own here, so that by meaning alone nobody is alike.
class HybridUserStateTest : public UserStateTest {
 protected:
  HybridUserStateTest()
      : UserStateTest(
            hybrid::make_embedder(std::shared_ptr<Embedder>(hashing::make_embedder(64)),
                                  std::make_shared<test::FakeEmbedder>("meaning/1024", 1024))) {}
  Result<WhyNot> why_at(const std::string& who, double ratio, float min_score = 0.2F) {
    return why_not(ports_, {acme_, "anne", who, 10, min_score, ratio});
  }
};

TEST_F(HybridUserStateTest, TheNumbersAreOfTheRatioThatIsAskedFor) {
  serve();
  const auto user = searchable("ann");
  const auto letters = why_at(user.email, 0).value(), half = why_at(user.email, 0.5).value(),
             meaning = why_at(user.email, 1).value();
  EXPECT_EQ(letters.reason, Reason::found) << letters.text;
  EXPECT_GT(*letters.score, 0.2F);
  EXPECT_NEAR(*half.score, *letters.score / 2, 1e-4);
  EXPECT_EQ(meaning.reason, Reason::score) << meaning.text;
  EXPECT_NEAR(*meaning.score, 0, 1e-4);
  EXPECT_EQ(why_at(user.email, 1.5).error().kind, ErrorKind::invalid);
  EXPECT_EQ(to_json(half, {acme_, "anne", user.email, 10, 0.2F, 0.5})["semantic_ratio"], 0.5);
}

// "physician" means what "doctor" does.
class PhraseTest : public UserStateTest {
 protected:
  PhraseTest()
      : UserStateTest(hybrid::make_embedder(std::shared_ptr<Embedder>(hashing::make_embedder(64)),
                                            meaning())) {}
  static std::shared_ptr<Embedder> meaning() {
    const test::TempDir folder;
    EXPECT_TRUE(test::write_word_model(
        folder.path(), {{"doctor", {1, 0}}, {"physician", {1, 0}}, {"the", {0, 0}}}));
    return static_model::make_embedder(models::open_static_model(folder.path()).value());
  }
};

TEST_F(PhraseTest, APhraseIsAnsweredByMeaningWhereLettersAreNotCloser) {
  serve();
  const auto user = searchable("doctor");
  const auto far = why(user.email, "the physician");
  EXPECT_EQ(far.reason, Reason::found) << far.text;
  EXPECT_GT(*far.score, 0.8F) << "by meaning";
  const auto strict =
      why_not(ports_, {acme_, "the physician", user.email, 10, 0.999F, std::nullopt}).value();
  EXPECT_EQ(strict.reason, Reason::score) << strict.text;
  EXPECT_GT(*strict.score, 0.8F) << "of the vector that answers";
  EXPECT_EQ(why(user.email, "physician").reason, Reason::found);
  EXPECT_EQ(why(user.email, "phsyician").reason, Reason::score) << "asked by its letters alone";
}

TEST_F(UserStateTest, AnEmbedderOfOnePartTakesNoRatio) {
  serve();
  const auto user = searchable("ann");
  const auto refused = why_not(ports_, {acme_, "ann", user.email, 10, 0.2F, 0.5});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_THAT(refused.error().message, HasSubstr("hashing-v2/64"));
}

TEST_F(UserStateTest, ARankBeyondTheLimitIsNamedBesideIt) {
  serve();
  searchable("ann");
  searchable("anna");
  const auto beyond = why("anna@acme.dev", "ann", 1);
  EXPECT_EQ(beyond.reason, Reason::rank) << beyond.text;
  EXPECT_THAT(beyond.text, HasSubstr("rank 2 of limit 1"));
}

TEST_F(UserStateTest, OneThatWasNeverCreatedIsToldFromOneOfAnotherTenant) {
  serve();
  EXPECT_EQ(why("bob@acme.dev").reason, Reason::not_created);
  EXPECT_EQ(why("7").reason, Reason::not_created);
  create("bob", globex_);
  const auto other = why("bob@acme.dev");
  EXPECT_EQ(other.reason, Reason::other_tenant);
  EXPECT_THAT(other.text, HasSubstr("globex"));
}

TEST_F(UserStateTest, ADeletedOneIsTold) {
  serve();
  const auto user = searchable("ann");
  remove(user);
  relay();
  const auto gone = why(std::to_string(user.id));
  EXPECT_EQ(gone.reason, Reason::deleted) << gone.text;
  EXPECT_EQ(why("ann@acme.dev").reason, Reason::not_created) << "its address is forgotten";
}

TEST_F(UserStateTest, TheWayToTheIndexIsToldStepByStep) {
  const auto user = create("ann");
  EXPECT_EQ(why(user.email).reason, Reason::no_index);
  serve();
  const auto waits = why(user.email);
  EXPECT_EQ(waits.reason, Reason::outbox) << waits.text;
  relay();
  const auto behind = why(user.email);
  EXPECT_EQ(behind.reason, Reason::behind) << behind.text;
  ParkedEvent parked{record_of(user), 2, clock_.now(), "embed", "no answer"};
  ASSERT_TRUE(store_->retries().park({kGroup, "one"}, {&parked, 1}));
  pass_all();
  const auto retrying = why(user.email);
  EXPECT_EQ(retrying.reason, Reason::retrying);
  EXPECT_THAT(retrying.text, HasSubstr("2 attempts failed"));
  ASSERT_TRUE(store_->retries().remove({kGroup, "one"}, {&parked.record.position, 1}));
  EXPECT_EQ(why(user.email).reason, Reason::not_indexed);
  ASSERT_TRUE(test::append_and_wait(
      *log_,
      {dead_letter_record(parked.record, {kGroup, "acme", 5, "embed", "too long", clock_.now()})}));
  const auto dead = why(user.email);
  EXPECT_EQ(dead.reason, Reason::dead);
  EXPECT_THAT(dead.text, HasSubstr("embed: too long"));
  index(user);
  EXPECT_EQ(why(user.email).reason, Reason::found);
}

TEST_F(UserStateTest, AnIndexOfAnotherEmbedderIsToldByName) {
  serve("other/64");
  const auto user = create("ann");
  const auto other = why(user.email);
  EXPECT_EQ(other.reason, Reason::embedder);
  EXPECT_THAT(other.text, HasSubstr("other/64"));
}

TEST_F(UserStateTest, AStateNamesTheLastEventThatTheIndexNames) {
  serve();
  auto user = create("ann");
  relay();
  const auto record = record_of(user);
  const TenantText text{acme_, "ann"};
  const VectorChange point{acme_,
                           user.id,
                           1,
                           embedder_->embed({&text, 1}).value().front(),
                           user.email,
                           user.name,
                           std::string(find_header(record.headers, "ce_id"))};
  ASSERT_TRUE(index_->apply(1, {&point, 1}));
  pass_all();
  const auto state = user_state(ports_, acme_, user.id).value();
  EXPECT_TRUE(is_searchable(state));
  EXPECT_EQ(state.record->position, record.position);
  EXPECT_EQ(to_json(state)["event"]["offset"], record.position.offset);
}

}  // namespace
}  // namespace mesh::pipeline
