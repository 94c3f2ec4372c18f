// Made-up users with common names, the same on every run.
#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/strings.h"

namespace mesh::testing_people {

struct Person {
  std::string first, last, email;
  std::string name() const { return first + " " + last; }
};

inline constexpr std::array<std::string_view, 80> kFirst{
    "James",   "Mary",      "Robert",   "Patricia", "John",    "Jennifer", "Michael",  "Linda",
    "David",   "Elizabeth", "William",  "Barbara",  "Richard", "Susan",    "Joseph",   "Jessica",
    "Thomas",  "Sarah",     "Charles",  "Karen",    "Daniel",  "Lisa",     "Matthew",  "Nancy",
    "Anthony", "Betty",     "Mark",     "Sandra",   "Donald",  "Margaret", "Steven",   "Ashley",
    "Paul",    "Kimberly",  "Andrew",   "Emily",    "Joshua",  "Donna",    "Kenneth",  "Michelle",
    "Kevin",   "Carol",     "Brian",    "Amanda",   "George",  "Melissa",  "Edward",   "Deborah",
    "Ronald",  "Stephanie", "Timothy",  "Rebecca",  "Jason",   "Laura",    "Jeffrey",  "Helen",
    "Ryan",    "Sharon",    "Jacob",    "Cynthia",  "Gary",    "Kathleen", "Nicholas", "Amy",
    "Eric",    "Angela",    "Jonathan", "Anna",     "Stephen", "Ruth",     "Larry",    "Brenda",
    "Justin",  "Pamela",    "Scott",    "Nicole",   "Jürgen",  "Zoë",      "José",     "Søren"};
inline constexpr std::array<std::string_view, 80> kLast{
    "Johnson",    "Williams",  "Brown",     "Jones",    "Garcia",   "Miller",   "Davis",
    "Rodriguez",  "Martinez",  "Hernandez", "Lopez",    "Gonzalez", "Wilson",   "Anderson",
    "Taylor",     "Moore",     "Jackson",   "Martin",   "Lee",      "Perez",    "Thompson",
    "White",      "Harris",    "Sanchez",   "Clark",    "Ramirez",  "Lewis",    "Robinson",
    "Walker",     "Young",     "Allen",     "King",     "Wright",   "Scott",    "Torres",
    "Nguyen",     "Hill",      "Flores",    "Green",    "Adams",    "Nelson",   "Baker",
    "Hall",       "Rivera",    "Campbell",  "Mitchell", "Carter",   "Roberts",  "Gomez",
    "Phillips",   "Evans",     "Turner",    "Diaz",     "Parker",   "Cruz",     "Edwards",
    "Collins",    "Reyes",     "Stewart",   "Morris",   "Morales",  "Murphy",   "Cook",
    "Rogers",     "Gutierrez", "Ortiz",     "Morgan",   "Cooper",   "Peterson", "Bailey",
    "Reed",       "Kelly",     "Howard",    "Ramos",    "Kim",      "Cox",      "Ward",
    "Richardson", "Müller",    "Smith"};
inline constexpr std::array<std::string_view, 8> kDomains{
    "acme.dev",         "example.com", "initech.io",    "globex.org",
    "umbrella.example", "hooli.dev",   "stark.example", "wayne.example"};

// Email local parts are ASCII: what is beyond is left out.
inline std::string ascii(std::string_view text) {
  std::string out;
  for (const char c : to_lower(text)) {
    if (static_cast<signed char>(c) > 0) out += c;
  }
  return out;
}

// The n-th of a fixed sequence; the first 6,400 have different names.
inline Person person(std::uint64_t n) {
  const auto mixed = n * 2'654'435'761u % 6'400;  // an odd factor without 5: a permutation
  const std::string first(kFirst[mixed % kFirst.size()]), last(kLast[mixed / kFirst.size()]);
  const auto f = ascii(first), l = ascii(last);
  const std::string domain(kDomains[(n * 7 + n / 11) % kDomains.size()]);
  std::string local;
  switch (n % 4) {
    case 0:
      local = f + "." + l;
      break;
    case 1:
      local = f.substr(0, 1) + "." + l;
      break;
    case 2:
      local = f + l;
      break;
    default:
      local = f + std::to_string(n % 97);
  }
  return {first, last, local + "@" + domain};
}

inline bool same_name(const Person& a, const Person& b) { return a.name() == b.name(); }
// With its '@'.
inline std::string local_part(const Person& who) {
  return who.email.substr(0, who.email.find('@') + 1);
}

enum class Typo { transposition, deletion, substitution };

// One typo inside an ASCII word of the text, never in the first letter. The text has three ASCII
// letters beside each other, of which the later two differ.
inline std::string with_typo(std::string text, Typo typo, std::mt19937_64& random) {
  const auto letter = [&](std::size_t i) { return text[i] >= 'a' && text[i] <= 'z'; };
  std::size_t i = 0;
  do {
    i = 1 + random() % (text.size() - 2);
  } while (!letter(i - 1) || !letter(i) || !letter(i + 1) || text[i] == text[i + 1]);
  switch (typo) {
    case Typo::transposition:
      std::swap(text[i], text[i + 1]);
      break;
    case Typo::deletion:
      text.erase(i, 1);
      break;
    case Typo::substitution:
      text[i] = static_cast<char>('a' + (text[i] - 'a' + 1 + static_cast<int>(random() % 25)) % 26);
  }
  return text;
}

}  // namespace mesh::testing_people
