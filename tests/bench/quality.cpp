#include "tests/bench/quality.h"

#include <algorithm>
#include <cstdio>
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

Result<Found> measure(Embedder& embedder, const std::vector<std::vector<float>>& documents,
                      const QuerySet& set, std::optional<double> ratio) {
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

}  // namespace

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

std::string quality_table(const std::vector<QuerySet>& sets, const std::vector<Column>& columns) {
  const auto width = [](const Column& column) {
    return kGap + std::max(column.name.size(), kCellWidth);
  };
  std::string table(kNameWidth, ' ');
  for (const Column& column : columns) table += padded(column.name, width(column));
  table += "\n";
  for (std::size_t set = 0; set < sets.size(); ++set) {
    for (const auto& [label, figure] :
         {std::pair(" hit@1", &Found::first), std::pair(" hit@5", &Found::five)}) {
      std::string name = sets[set].name + label;
      name.resize(std::max(name.size(), kNameWidth), ' ');
      table += name;
      for (const Column& column : columns) {
        const auto& found = column.found[set];
        table += padded(found ? cell((*found).*figure) : "-", width(column));
      }
      table += "\n";
    }
  }
  return table;
}

}  // namespace mesh::bench
