// How well embedders find what is meant, each alone, and letters beside meaning by their own rule
// and at every ratio.
//
//   quality_bench [--model DIR] [--intents FILE] [--json FILE]
//
// DIR: a static model (common/models). FILE: rows `text,category` of intents in CSV, of which each
// category's first ten texts are what is searched and the next five what is asked. Where
// $MESH_TEST_OPENAI_URL names a server with OpenAI's API, $MESH_TEST_OPENAI_MODEL of it is measured
// too; $MESH_TEST_OPENAI_DIMENSION says how long its vectors are, $MESH_TEST_OPENAI_KEY is its key.
//
// Every text is compared with every query, without an index and its first places for exact matches.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <sstream>
#include <string>

#include "common/base/clock.h"
#include "common/base/strings.h"
#include "common/domain/search.h"
#include "common/engines/hashing/hashing_embedder.h"
#include "common/engines/hybrid/hybrid_embedder.h"
#include "common/engines/openai/openai_embedder.h"
#include "common/engines/static_model/static_embedder.h"
#include "common/models/static_model.h"
#include "tests/bench/arguments.h"
#include "tests/bench/report.h"
#include "tests/common/engines/hashing/people.h"
#include "tests/support/tenant_texts.h"

namespace {

using namespace mesh;
using testing_people::Person;
using testing_people::Typo;

constexpr std::size_t kPeople = 5'000;
constexpr int kAsked = 200;                  // of each kind of question about people
constexpr int kSearched = 10, kQueries = 5;  // of an intent
constexpr int kBatch = 128;

struct Query {
  std::string text;
  std::function<bool(std::size_t document)> wanted;
};
struct Set {
  std::string name, what;
  std::vector<std::string> documents;
  std::vector<Query> queries;
};

// Made of `ask` of people who are drawn, whom it finds in all who are alike by `same`.
void ask(Set& set, const std::vector<Person>& people, std::mt19937_64& random,
         const std::function<std::string(const Person&)>& question,
         bool (*same)(const Person&, const Person&)) {
  for (int i = 0; i < kAsked; ++i) {
    const Person& target = people[random() % people.size()];
    set.queries.push_back({question(target), [&people, &target, same](std::size_t n) {
                             return same(target, people[n]);
                           }});
  }
}

const std::vector<Person>& everybody() {
  static const std::vector<Person> people = [] {
    std::vector<Person> made;
    while (made.size() < kPeople) made.push_back(testing_people::person(made.size()));
    return made;
  }();
  return people;
}

Set set_of_people(std::string name, std::string what) {
  Set set{std::move(name), std::move(what), {}, {}};
  for (const Person& who : everybody()) {
    set.documents.push_back(embedding_text(who.name(), who.email));
  }
  return set;
}

constexpr Typo kTypos[] = {Typo::transposition, Typo::deletion, Typo::substitution};

Set names() {
  Set set = set_of_people("names", "full and last names with a typo, of 5,000 people");
  std::mt19937_64 random(20261121);
  for (const Typo typo : kTypos) {
    ask(
        set, everybody(), random,
        [&](const Person& who) {
          return testing_people::with_typo(to_lower(who.name()), typo, random);
        },
        testing_people::same_name);
    ask(
        set, everybody(), random,
        [&](const Person& who) {
          const auto word = to_lower(who.last);
          return word.size() < 5 || word == "müller"
                     ? word
                     : testing_people::with_typo(word, typo, random);
        },
        [](const Person& a, const Person& b) { return a.last == b.last; });
  }
  return set;
}

Set addresses() {
  Set set = set_of_people("addresses", "addresses with a typo, and what stands before the @");
  std::mt19937_64 random(20261122);
  for (const Typo typo : kTypos) {
    ask(
        set, everybody(), random,
        [&](const Person& who) { return testing_people::with_typo(who.email, typo, random); },
        [](const Person& a, const Person& b) { return a.email == b.email; });
  }
  // Some are too short for a typo.
  ask(set, everybody(), random, testing_people::local_part, [](const Person& a, const Person& b) {
    return testing_people::local_part(a) == testing_people::local_part(b);
  });
  return set;
}

// A field of CSV that begins at `at`, which then stands behind it and what ends it.
std::string field(const std::string& text, std::size_t& at) {
  std::string value;
  if (at < text.size() && text[at] == '"') {
    for (++at; at < text.size(); ++at) {
      if (text[at] != '"') {
        value += text[at];
      } else if (at + 1 < text.size() && text[at + 1] == '"') {
        value += text[at++];
      } else {
        ++at;
        break;
      }
    }
  } else {
    while (at < text.size() && text[at] != ',' && text[at] != '\n') value += text[at++];
  }
  ++at;
  return std::string(trim(value));
}

// Nothing where the file has too few rows.
std::optional<Set> intents(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  std::map<std::string, std::vector<std::string>> by_category;
  std::size_t at = text.find('\n') + 1;  // behind the names of the columns
  while (at < text.size()) {
    auto words = field(text, at);
    by_category[field(text, at)].push_back(std::move(words));
  }
  Set set{"intents", "utterances, by others of the same intent", {}, {}};
  const auto categories = std::make_shared<std::vector<std::string>>();
  for (const auto& [category, texts] : by_category) {
    if (texts.size() < kSearched + kQueries) continue;
    for (int i = 0; i < kSearched + kQueries; ++i) {
      const auto& words = texts[static_cast<std::size_t>(i)];
      if (i < kSearched) {
        set.documents.push_back(words);
        categories->push_back(category);
      } else {
        set.queries.push_back({words, [categories, category = category](std::size_t n) {
                                 return (*categories)[n] == category;
                               }});
      }
    }
  }
  if (set.queries.empty()) return std::nullopt;
  return set;
}

Result<std::vector<std::vector<float>>> vectors_of(Embedder& embedder,
                                                   const std::vector<std::string>& texts) {
  std::vector<std::vector<float>> all;
  for (std::size_t i = 0; i < texts.size(); i += kBatch) {
    const auto end = std::min(i + kBatch, texts.size());
    auto some = MESH_TRY(
        embedder.embed(test::texts_of_acme({texts.begin() + static_cast<std::ptrdiff_t>(i),
                                            texts.begin() + static_cast<std::ptrdiff_t>(end)})));
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

// In eight sums, which the compiler can keep beside each other.
float product(const std::vector<float>& a, const std::vector<float>& b) {
  float sums[8] = {};
  std::size_t i = 0;
  for (; i + 8 <= a.size(); i += 8) {
    for (std::size_t j = 0; j < 8; ++j) sums[j] += a[i + j] * b[i + j];
  }
  for (; i < a.size(); ++i) sums[0] += a[i] * b[i];
  return std::accumulate(std::begin(sums), std::end(sums), 0.0F);
}

// The share of queries that find something wanted among the first, and among the first five.
struct Found {
  double first = 0, five = 0;
};

Result<Found> measure(Embedder& embedder, const std::vector<std::vector<float>>& documents,
                      const Set& set, std::optional<double> ratio) {
  Found found;
  std::vector<std::pair<float, std::size_t>> scored(documents.size());
  for (const Query& query : set.queries) {
    const auto vector =
        MESH_TRY(embedder.embed_query(test::texts_of_acme({query.text}).front(), ratio));
    for (std::size_t n = 0; n < documents.size(); ++n) {
      scored[n] = {-product(vector, documents[n]), n};
    }
    const auto end = scored.begin() + 5;
    std::partial_sort(scored.begin(), end, scored.end());
    found.first += query.wanted(scored[0].second);
    found.five +=
        std::any_of(scored.begin(), end, [&](const auto& hit) { return query.wanted(hit.second); });
  }
  const auto count = static_cast<double>(set.queries.size());
  return Found{found.first / count, found.five / count};
}

// Each alone, and pairs at their own ratio and at every other.
struct Measured {
  std::string name;
  std::shared_ptr<Embedder> embedder;
  std::vector<std::optional<double>> ratios{std::nullopt};
};

int run(const bench::Arguments& arguments) {
  const auto letters = std::shared_ptr<Embedder>(hashing::make_embedder(384));
  std::vector<Measured> all{{"hashing", letters}};
  const auto add = [&](const std::string& name, std::shared_ptr<Embedder> meaning) {
    all.push_back({name, meaning});
    Measured pair{"hybrid " + name, hybrid::make_embedder(letters, std::move(meaning))};
    for (int tenths = 1; tenths < 10; ++tenths) pair.ratios.emplace_back(tenths / 10.0);
    all.push_back(std::move(pair));
  };
  if (arguments.model.empty()) {
    std::fprintf(stderr, "no static model is measured: --model DIR names one\n");
  } else {
    const auto model = models::open_static_model(arguments.model);
    if (!model) {
      std::fprintf(stderr, "%s\n", model.error().to_string().c_str());
      return 2;
    }
    add("static", static_model::make_embedder(*model));
  }
  if (const char* url = std::getenv("MESH_TEST_OPENAI_URL")) {
    const auto given = [](const char* name, const char* otherwise) {
      const char* value = std::getenv(name);
      return std::string(value != nullptr ? value : otherwise);
    };
    openai::EmbedderOptions options;
    options.base_url = url;
    options.api_key = given("MESH_TEST_OPENAI_KEY", "");
    options.model = given("MESH_TEST_OPENAI_MODEL", "text-embedding-3-small");
    options.dimension =
        static_cast<int>(parse_int(given("MESH_TEST_OPENAI_DIMENSION", "384")).value_or(384));
    add("openai", openai::make_embedder(std::move(options), system_clock()));
  }
  std::vector<Set> sets{names(), addresses()};
  if (arguments.intents.empty()) {
    std::fprintf(stderr, "no intents are measured: --intents FILE names them\n");
  } else if (auto set = intents(arguments.intents)) {
    sets.push_back(std::move(*set));
  } else {
    std::fprintf(stderr, "%s has no category of %d rows text,category\n", arguments.intents.c_str(),
                 kSearched + kQueries);
    return 2;
  }
  bench::Report report;
  for (const Set& set : sets) {
    report.group(set.name,
                 set.what + ", " + std::to_string(set.documents.size()) + " texts, " +
                     std::to_string(set.queries.size()) + " queries",
                 "hashing alone");
    std::optional<Found> baseline;
    for (const Measured& one : all) {
      const auto documents = vectors_of(*one.embedder, set.documents);
      for (const auto& ratio : one.ratios) {
        const auto found =
            documents ? measure(*one.embedder, *documents, set, ratio) : fail(documents.error());
        if (!found) {
          std::fprintf(stderr, "%s: %s\n", one.name.c_str(), found.error().to_string().c_str());
          return 1;
        }
        if (!baseline) baseline = *found;
        char at[16] = "";
        if (ratio) std::snprintf(at, sizeof at, " %.1f", *ratio);
        const std::string name = set.name + "/" + one.name + at;
        report.add({name + "/hit@1", found->first, "", baseline->first});
        report.add({name + "/hit@5", found->five, "", baseline->five});
      }
    }
  }
  return arguments.json.empty() || report.write_json(arguments.json) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = mesh::bench::parse_arguments(argc, argv);
  return arguments ? run(*arguments) : 2;
}
