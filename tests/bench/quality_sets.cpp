#include "tests/bench/quality_sets.h"

#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <sstream>

#include "common/base/strings.h"
#include "common/domain/search.h"
#include "tests/common/engines/hashing/people.h"

namespace mesh::bench {
namespace {

using testing_people::Person;
using testing_people::Typo;

constexpr std::size_t kSearched = 10, kQueries = 5;  // of an intent

// The queries hold the people.
struct PeopleSet {
  std::shared_ptr<const std::vector<Person>> people;
  QuerySet set;
};

// Adds questions about people who are drawn; who is alike by `same` is wanted, too.
void ask(PeopleSet& to, int asked, std::mt19937_64& random,
         const std::function<std::string(const Person&)>& question,
         bool (*same)(const Person&, const Person&)) {
  for (int i = 0; i < asked; ++i) {
    const std::size_t target = random() % to.people->size();
    to.set.queries.push_back({question((*to.people)[target]),
                              [people = to.people, target, same](std::size_t n) {
                                return same((*people)[target], (*people)[n]);
                              },
                              0, to.people->size()});
  }
}

PeopleSet set_of_people(std::size_t count, std::string name, std::string what,
                        Person (*person)(std::uint64_t) = testing_people::person) {
  std::vector<Person> people;
  while (people.size() < count) people.push_back(person(people.size()));
  PeopleSet made{std::make_shared<const std::vector<Person>>(std::move(people)),
                 {std::move(name), std::move(what), {}, {}}};
  for (const Person& who : *made.people) {
    made.set.documents.push_back(embedding_text(who.name(), who.email));
  }
  return made;
}

// Has a second first name, and most often a second last one.
Person with_long_name(std::uint64_t n) {
  Person who = testing_people::person(n);
  // Drawn: of a multiple of n the same names came together again and again, in every order.
  const Person other = testing_people::person(std::mt19937_64(n)());
  switch (n % 3) {
    case 0:
      who.first += " " + other.first;
      break;
    case 1:
      who.first += " " + other.first;
      who.last += " " + other.last;
      break;
    default:
      who.first += "-" + other.first;
      who.last = "de " + who.last + "-" + other.last;
  }
  return who;
}

constexpr Typo kTypos[] = {Typo::transposition, Typo::deletion, Typo::substitution};

void ask_for_name(PeopleSet& to, int asked, std::mt19937_64& random, Typo typo) {
  ask(
      to, asked, random,
      [&](const Person& who) {
        return testing_people::with_typo(to_lower(who.name()), typo, random);
      },
      testing_people::same_name);
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

}  // namespace

QuerySet name_queries(std::size_t people, int asked) {
  PeopleSet made = set_of_people(people, "names", "full and last names with a typo");
  std::mt19937_64 random(20261121);
  for (const Typo typo : kTypos) {
    ask_for_name(made, asked, random, typo);
    ask(
        made, asked, random,
        [&](const Person& who) {
          const auto word = to_lower(who.last);
          return word.size() < 5 || word == "müller"
                     ? word
                     : testing_people::with_typo(word, typo, random);
        },
        [](const Person& a, const Person& b) { return a.last == b.last; });
  }
  return std::move(made.set);
}

QuerySet long_name_queries(std::size_t people, int asked) {
  PeopleSet made = set_of_people(
      people, "long names", "names of three to five words with a typo, and the last name first",
      with_long_name);
  std::mt19937_64 random(20261201);
  for (const Typo typo : kTypos) {
    ask_for_name(made, asked, random, typo);
  }
  ask(
      made, asked, random, [](const Person& who) { return to_lower(who.last + " " + who.first); },
      testing_people::same_name);
  return std::move(made.set);
}

QuerySet address_queries(std::size_t people, int asked) {
  PeopleSet made =
      set_of_people(people, "addresses", "addresses with a typo, and what stands before the @");
  std::mt19937_64 random(20261122);
  for (const Typo typo : kTypos) {
    ask(
        made, asked, random,
        [&](const Person& who) { return testing_people::with_typo(who.email, typo, random); },
        [](const Person& a, const Person& b) { return a.email == b.email; });
  }
  // Some are too short for a typo.
  ask(made, asked, random, testing_people::local_part, [](const Person& a, const Person& b) {
    return testing_people::local_part(a) == testing_people::local_part(b);
  });
  return std::move(made.set);
}

std::optional<QuerySet> intent_queries(const std::string& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  const std::string text = content.str();
  const std::size_t header = text.find('\n');
  const auto columns = trim(std::string_view(text).substr(0, header));
  const bool says_draw = columns == "text,category,role,draw";
  const bool says_role = says_draw || columns == "text,category,role";
  struct Texts {
    std::vector<std::string> documents, queries;
  };
  std::map<std::string, std::map<std::string, Texts>> by_draw;  // and by category
  std::size_t at = header + 1;
  while (at < text.size()) {
    auto words = field(text, at);
    const auto category = field(text, at);
    const auto role = says_role ? field(text, at) : "";
    auto& [documents, queries] = by_draw[says_draw ? field(text, at) : ""][category];
    if (says_role && role != "document" && role != "query") return std::nullopt;
    if (says_role ? role == "document" : documents.size() < kSearched) {
      documents.push_back(std::move(words));
    } else if (says_role || queries.size() < kQueries) {
      queries.push_back(std::move(words));
    }
  }
  QuerySet set{"intents", "utterances, by others of the same intent", {}, {}};
  const auto categories = std::make_shared<std::vector<std::string>>();
  for (auto& [draw, by_category] : by_draw) {
    const std::size_t begin = set.documents.size(), first = set.queries.size();
    for (auto& [category, texts] : by_category) {
      if (texts.documents.size() < kSearched || texts.queries.size() < kQueries) continue;
      for (auto& words : texts.documents) {
        set.documents.push_back(std::move(words));
        categories->push_back(category);
      }
      for (auto& words : texts.queries) {
        set.queries.push_back({std::move(words),
                               [categories, category = category](std::size_t n) {
                                 return (*categories)[n] == category;
                               },
                               begin});
      }
    }
    for (std::size_t i = first; i < set.queries.size(); ++i) {
      set.queries[i].end = set.documents.size();
    }
  }
  if (set.queries.empty()) return std::nullopt;
  return set;
}

}  // namespace mesh::bench
