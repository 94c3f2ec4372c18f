// How well embedders find what is meant, each alone, and letters beside meaning by their own rule
// and at every ratio. Texts are compared with queries without an index, and without its first
// places for exact matches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/ports/embedder.h"
#include "tests/bench/quality_sets.h"
#include "tests/bench/report.h"

namespace mesh::bench {

// The share of queries that find something wanted first, and among the first five; and which do.
struct Found {
  double first = 0, five = 0;
  struct Query {
    bool first = false, five = false;
  };
  std::vector<Query> queries = {};
};

// Of two that were asked the same, how many queries one finds and the other does not, and how
// probable so uneven a number, or a more uneven one, is where both are equally good: McNemar's
// exact test, of both sides (Q. McNemar, Psychometrika 12, 1947).
struct Paired {
  std::int64_t better = 0, worse = 0;
  double probability = 1;
  bool loses() const { return worse > better && probability < 0.05; }
};
Paired paired(const Found& one, const Found& other, bool Found::Query::*figure);

// The embedders that are compared: hashing always, and beside it those of meaning that there are.
struct Candidates {
  std::shared_ptr<Embedder> letters;
  std::shared_ptr<Embedder> static_model, http;  // null: left out, and said so
};

// What each finds of one set: a column of the last table.
struct Column {
  std::string name;
  std::vector<std::optional<Found>> found;  // of each set; nothing: left out
};

// Adds a row to the report for each embedder, ratio and figure; the columns are of each alone, and
// of pairs by their own rule. The error of an embedder that fails, with its name.
Result<std::vector<Column>> measure_quality(const Candidates& candidates,
                                            const std::vector<QuerySet>& sets, Report& report);

// Each pair that was measured against that part of it which alone finds more, by set and figure.
std::string pairs_table(const std::vector<QuerySet>& sets, const std::vector<Column>& columns);

// hit@1 and hit@5 of each set by embedder, "-" in columns that were left out.
std::string quality_table(const std::vector<QuerySet>& sets, const std::vector<Column>& columns);

}  // namespace mesh::bench
