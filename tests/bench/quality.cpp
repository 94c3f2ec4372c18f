#include "tests/bench/quality.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <numeric>

#include "common/engines/hybrid/hybrid_embedder.h"
#include "tests/support/tenant_texts.h"

namespace mesh::bench {
namespace {

constexpr std::size_t kBatch = 128;
constexpr std::size_t kNameWidth = 18, kGap = 2, kCellWidth = 7;  // of the table's columns

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

using Scored = std::vector<std::pair<float, std::size_t>>;  // score and document

using Vectors = std::vector<std::vector<float>>;

Scored best_five(const std::vector<float>& vector, const Vectors& documents, const Query& query) {
  Scored scored;
  assert(query.end >= query.begin + 5);
  scored.reserve(query.end - query.begin);
  for (std::size_t n = query.begin; n < query.end; ++n) {
    scored.emplace_back(product(vector, documents[n]), n);
  }
  const auto better = [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  };
  std::partial_sort(scored.begin(), scored.begin() + 5, scored.end(), better);
  scored.resize(5);
  return scored;
}

// As a search of users does (daemon/pipeline/generations/search_users.h).
Scored answer(const QueryVectors& asked, const Vectors& documents, const Query& query) {
  auto found = best_five(asked.vector, documents, query);
  if (asked.letters.empty()) return found;
  auto named = best_five(asked.letters, documents, query);
  return QueryVectors::letters_answer(named.front().first, found.front().first) ? named : found;
}

Result<Found> measure(Embedder& embedder, const Vectors& documents, const QuerySet& set,
                      std::optional<double> ratio) {
  Found found;
  for (const Query& query : set.queries) {
    const auto asked =
        MESH_TRY(embedder.embed_query(test::texts_of_acme({query.text}).front(), ratio));
    const auto hits = answer(asked, documents, query);
    const auto wanted = [&](const auto& hit) { return query.wanted(hit.second); };
    found.queries.push_back({wanted(hits.front()), std::ranges::any_of(hits, wanted)});
    found.first += found.queries.back().first;
    found.five += found.queries.back().five;
  }
  const auto count = static_cast<double>(set.queries.size());
  found.first /= count;
  found.five /= count;
  return found;
}

// Of `count` coins, how probable at most `heads` are.
double at_most(std::int64_t heads, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i <= heads; ++i) {
    const auto n = static_cast<double>(count), k = static_cast<double>(i);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1) -
                    n * std::numbers::ln2);
  }
  return sum;
}

struct Figure {
  const char* label;
  double Found::*share;
  bool Found::Query::*of_query;
};
constexpr Figure kFigures[] = {{" hit@1", &Found::first, &Found::Query::first},
                               {" hit@5", &Found::five, &Found::Query::five}};

// Alone at its own ratio, and pairs at every other, too.
struct Measured {
  std::string name;
  std::shared_ptr<Embedder> embedder;  // null: left out
  std::vector<std::optional<double>> ratios{std::nullopt};
};

std::vector<Measured> all_of(const Candidates& candidates) {
  std::vector<Measured> all{{"hashing", candidates.letters}};
  const auto add = [&](const std::string& name, const std::shared_ptr<Embedder>& meaning) {
    all.push_back({name, meaning});
    Measured pair{"hybrid " + name, nullptr};
    if (meaning) pair.embedder = hybrid::make_embedder(candidates.letters, meaning);
    for (int tenths = 1; tenths < 10; ++tenths) pair.ratios.emplace_back(tenths / 10.0);
    all.push_back(std::move(pair));
  };
  add("static", candidates.static_model);
  add("http", candidates.http);
  return all;
}

std::string cell(double share) {
  char text[16];
  std::snprintf(text, sizeof text, "%.3f", share);
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.insert(0, width - text.size(), ' ');
  return text;
}

std::string row_name(const QuerySet& set, const Figure& figure) {
  std::string name = set.name + figure.label;
  name.resize(std::max(name.size(), kNameWidth), ' ');
  return name;
}

// A line of a pair's: the better of its parts alone, and what the pair finds beside it.
std::string pair_line(const QuerySet& set, const Figure& figure, const Found& pair,
                      const Column& letters, const Column& meaning, std::size_t at) {
  const bool by_letters = (*letters.found[at]).*figure.share >= (*meaning.found[at]).*figure.share;
  const Column& part = by_letters ? letters : meaning;
  const Paired counts = paired(pair, *part.found[at], figure.of_query);
  char line[160];
  std::snprintf(line, sizeof line, "%s%10s%8lld%8lld%8.3f%s\n", row_name(set, figure).c_str(),
                part.name.c_str(), static_cast<long long>(counts.better),
                static_cast<long long>(counts.worse), counts.probability,
                counts.loses() ? "  loses" : "");
  return line;
}

}  // namespace

Paired paired(const Found& one, const Found& other, bool Found::Query::*figure) {
  Paired counts;
  for (std::size_t i = 0; i < one.queries.size(); ++i) {
    counts.better += one.queries[i].*figure && !(other.queries[i].*figure);
    counts.worse += other.queries[i].*figure && !(one.queries[i].*figure);
  }
  const auto both = counts.better + counts.worse;
  counts.probability = std::min(1.0, 2 * at_most(std::min(counts.better, counts.worse), both));
  return counts;
}

Result<std::vector<Column>> measure_quality(const Candidates& candidates,
                                            const std::vector<QuerySet>& sets, Report& report) {
  const auto all = all_of(candidates);
  std::vector<Column> columns;
  for (const Measured& one : all) columns.push_back({one.name, {}});
  for (const QuerySet& set : sets) {
    report.group(set.name,
                 set.what + ", " + std::to_string(set.documents.size()) + " texts, " +
                     std::to_string(set.queries.size()) + " queries",
                 "hashing alone");
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Measured& one = all[i];
      auto& of_set = columns[i].found.emplace_back();
      if (!one.embedder) continue;
      const auto documents = vectors_of(*one.embedder, set.documents);
      for (const auto& ratio : one.ratios) {
        const auto found = documents ? measure(*one.embedder, *documents, set, ratio)
                                     : Result<Found>(fail(documents.error()));
        if (!found) return fail(found.error().kind, one.name + ": " + found.error().message);
        if (!ratio) of_set = *found;
        char at[16] = "";
        if (ratio) std::snprintf(at, sizeof at, " %.1f", *ratio);
        const std::string name = set.name + "/" + one.name + at;
        const auto& baseline = columns.front().found.back();
        report.add({name + "/hit@1", found->first, "", baseline->first});
        report.add({name + "/hit@5", found->five, "", baseline->five});
      }
    }
  }
  return columns;
}

std::string pairs_table(const std::vector<QuerySet>& sets, const std::vector<Column>& columns) {
  // all_of() has a pair behind its meaning, and letters before all.
  std::string table;
  for (std::size_t i = 2; i < columns.size(); i += 2) {
    const Column &pair = columns[i], &meaning = columns[i - 1];
    if (pair.found.empty() || !pair.found.front()) continue;
    std::string head = pair.name;
    head.resize(kNameWidth, ' ');
    table += head + " better of  better   worse       p\n";
    for (std::size_t set = 0; set < sets.size(); ++set) {
      for (const Figure& figure : kFigures) {
        table += pair_line(sets[set], figure, *pair.found[set], columns.front(), meaning, set);
      }
    }
  }
  return table;
}

std::string quality_table(const std::vector<QuerySet>& sets, const std::vector<Column>& columns) {
  const auto width = [](const Column& column) {
    return kGap + std::max(column.name.size(), kCellWidth);
  };
  std::string table(kNameWidth, ' ');
  for (const Column& column : columns) table += padded(column.name, width(column));
  table += "\n";
  for (std::size_t set = 0; set < sets.size(); ++set) {
    for (const Figure& figure : kFigures) {
      table += row_name(sets[set], figure);
      for (const Column& column : columns) {
        const auto& found = column.found[set];
        table += padded(found ? cell((*found).*figure.share) : "-", width(column));
      }
      table += "\n";
    }
  }
  return table;
}

}  // namespace mesh::bench
