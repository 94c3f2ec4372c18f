// How well the formula finds people: bounds a little below what was measured, so that a change for
// the worse shows.
#include <gtest/gtest.h>

#include <random>

#include "common/domain/search.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "tests/common/engines/hashing/people.h"
#include "tests/support/tenant_texts.h"

namespace mesh::hashing {
namespace {

using testing_people::local_part;
using testing_people::Person;
using testing_people::person;
using testing_people::same_name;
using testing_people::Typo;
using testing_people::with_typo;

class People {
 public:
  explicit People(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) add(person(i));
  }
  void add(const Person& who) {
    people_.push_back(who);
    const auto vector = embed(embedding_text(who.name(), who.email));
    vectors_.insert(vectors_.end(), vector.begin(), vector.end());
  }
  const std::vector<Person>& all() const { return people_; }

  // The k best, best first; ties by index.
  std::vector<std::size_t> search(const std::string& query, std::size_t k) const {
    const auto vector = embed(query);
    std::vector<std::pair<float, std::size_t>> scored;
    for (std::size_t i = 0; i < people_.size(); ++i) {
      const float *a = vector.data(), *b = vectors_.data() + i * kDimension;
      float sum = 0;
      for (const float* const end = a + kDimension; a != end; ++a, ++b) sum += *a * *b;
      scored.emplace_back(-sum, i);
    }
    std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(k),
                      scored.end());
    std::vector<std::size_t> best;
    for (std::size_t i = 0; i < k; ++i) best.push_back(scored[i].second);
    return best;
  }

 private:
  static constexpr std::size_t kDimension = 384;
  std::vector<float> embed(const std::string& text) const {
    return test::vector_of(*embedder_, text);
  }
  const std::unique_ptr<Embedder> embedder_ = make_embedder(kDimension);
  std::vector<Person> people_;
  std::vector<float> vectors_;  // one after the other
};

// The share of 60 queries for which `good(target, hit)` holds for one of the first 10.
double recall(const People& people, const std::function<std::string(const Person&)>& query,
              const std::function<bool(const Person&, const Person&)>& good) {
  std::mt19937_64 random(20261121);
  constexpr int kQueries = 60;
  int found = 0;
  for (int i = 0; i < kQueries; ++i) {
    const auto& target = people.all()[random() % people.all().size()];
    const auto hits = people.search(query(target), 10);
    found += std::any_of(hits.begin(), hits.end(),
                         [&](std::size_t hit) { return good(target, people.all()[hit]); });
  }
  return static_cast<double>(found) / kQueries;
}

const People& five_thousand() {
  static const People people(5'000);
  return people;
}

TEST(HashingRecall, ALonelyAliceIsAmongTheFirstThreeOfTwoHundred) {
  People people(200);
  people.add({"Alice", "Smith", "a.smith@acme.dev"});
  const std::size_t alice = 200;
  for (const char* query : {"alice", "alcie", "a.smith@", "Alice Smith", "alice smyth", "ALICE",
                            "a.smith@acme.dev", "alise smith", "Smith, Alice"}) {
    const auto best = people.search(query, 3);
    EXPECT_NE(std::find(best.begin(), best.end(), alice), best.end()) << query;
  }
  // Others are called Smith, too.
  for (const std::size_t hit : people.search("smith", 2)) {
    EXPECT_EQ(people.all()[hit].last, "Smith");
  }
}

TEST(HashingRecall, FullNamesAlwaysFindTheirOwner) {
  const auto query = [](const Person& who) { return to_lower(who.name()); };
  EXPECT_EQ(recall(five_thousand(), query, same_name), 1.0);
}

TEST(HashingRecall, AddressesFindTheirOwner) {
  EXPECT_GE(recall(
                five_thousand(), [](const Person& who) { return who.email; },
                [](const Person& a, const Person& b) { return a.email == b.email; }),
            0.95);
  EXPECT_GE(recall(five_thousand(), local_part,
                   [](const Person& a, const Person& b) { return local_part(a) == local_part(b); }),
            0.93);
}

TEST(HashingRecall, NamesWithOneTypoFindTheirOwner) {
  for (const auto typo : {Typo::transposition, Typo::deletion, Typo::substitution}) {
    std::mt19937_64 random(7);
    const auto query = [&](const Person& who) {
      return with_typo(to_lower(who.name()), typo, random);
    };
    EXPECT_GE(recall(five_thousand(), query, same_name), 0.96) << static_cast<int>(typo);
  }
}

TEST(HashingRecall, OneWordWithATypoFindsPeopleOfThatName) {
  for (const auto typo : {Typo::transposition, Typo::deletion, Typo::substitution}) {
    std::mt19937_64 random(9);
    const auto query = [&](const Person& who) {
      const auto word = to_lower(who.last);
      return word.size() < 5 || word == "müller" ? word : with_typo(word, typo, random);
    };
    EXPECT_GE(recall(five_thousand(), query,
                     [](const Person& a, const Person& b) { return a.last == b.last; }),
              0.95)
        << static_cast<int>(typo);
  }
}

TEST(HashingRecall, AFewLettersFindPeopleWhoseNameBeginsSo) {
  const auto query = [](const Person& who) { return to_lower(who.last.substr(0, 4)); };
  EXPECT_GE(recall(five_thousand(), query,
                   [](const Person& a, const Person& b) { return a.last == b.last; }),
            0.9);
}

}  // namespace
}  // namespace mesh::hashing
