// Made-up users by the hundred thousand: names and addresses of syllables, common ones more often.
// The same on every run.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace mesh::test {

class Crowd {
 public:
  struct Person {
    std::string first, last, email;
    std::string name() const { return first + " " + last; }
  };
  enum class Ask { name, first, last, local_part, email, typo };
  static constexpr int kAsks = 6;

  explicit Crowd(std::uint64_t seed) : random_(seed) {
    while (first_.size() < 1500) first_.push_back(word(2));
    while (last_.size() < 5000) last_.push_back(word(2 + random_() % 2));
    while (domains_.size() < 40) domains_.push_back(word(2) + (random_() % 2 ? ".com" : ".org"));
  }

  Person next() {
    Person who{pick(first_), pick(last_), ""};
    std::string local;
    switch (random_() % 5) {
      case 0:
        local = who.first + "." + who.last;
        break;
      case 1:
        local = who.first.substr(0, 1) + "." + who.last;
        break;
      case 2:
        local = who.first + who.last;
        break;
      case 3:
        local = who.first + std::to_string(random_() % 100);
        break;
      default:
        local = who.last + std::to_string(random_() % 1000);
    }
    who.email = local + "@" + pick(domains_);
    return who;
  }

  // What somebody who looks for `who` might type.
  std::string query(const Person& who, Ask ask) {
    switch (ask) {
      case Ask::first:
        return who.first;
      case Ask::last:
        return who.last;
      case Ask::local_part:
        return who.email.substr(0, who.email.find('@'));
      case Ask::email:
        return who.email;
      case Ask::name:
        return who.name();
      case Ask::typo:
        break;
    }
    auto text = who.name();
    const auto at = 1 + random_() % (text.size() - 2);
    switch (random_() % 3) {
      case 0:
        std::swap(text[at], text[at + 1]);
        break;
      case 1:
        text.erase(at, 1);
        break;
      default:
        text[at] = static_cast<char>('a' + random_() % 26);
    }
    return text;
  }

 private:
  std::string word(std::uint64_t syllables) {
    static constexpr const char* kOnset[] = {"b", "br", "c", "ch", "d", "f", "g",  "h", "j", "k",
                                             "l", "m",  "n", "p",  "r", "s", "sh", "t", "v", ""};
    static constexpr const char* kVowel[] = {"a", "e", "i", "o", "u", "ai", "ee", "ou", "ia", "ey"};
    static constexpr const char* kCoda[] = {"", "", "n", "r", "l", "s", "m", "t", "ck", "nd"};
    std::string text;
    for (std::uint64_t i = 0; i < syllables; ++i) {
      text += kOnset[random_() % std::size(kOnset)];
      text += kVowel[random_() % std::size(kVowel)];
      if (i + 1 == syllables || random_() % 3 == 0) text += kCoda[random_() % std::size(kCoda)];
    }
    return text;
  }
  // Half by Zipf's law, half evenly.
  const std::string& pick(const std::vector<std::string>& words) {
    const auto n = static_cast<double>(words.size());
    const double u = static_cast<double>(random_() >> 11) * 0x1p-53;
    const double rank = random_() % 2 == 0 ? std::pow(n, u) - 1 : n * u;
    return words[static_cast<std::size_t>(rank) % words.size()];
  }

  std::mt19937_64 random_;
  std::vector<std::string> first_, last_, domains_;
};

}  // namespace mesh::test
