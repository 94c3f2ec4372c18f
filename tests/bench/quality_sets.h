// What the quality of embedders is measured on: documents, and queries that each want some of them.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mesh::bench {

struct Query {
  std::string text;
  std::function<bool(std::size_t document)> wanted;
  // The documents that are searched, five at least: from `begin` to `end`, which is not one of
  // them.
  std::size_t begin = 0, end = 0;
};
struct QuerySet {
  std::string name, what;
  std::vector<std::string> documents;
  std::vector<Query> queries;
};

// Of so many made-up people (tests/common/engines/hashing/people.h), `asked` queries of each kind:
// full and last names with a typo; addresses with one, and what stands before the @.
QuerySet name_queries(std::size_t people, int asked);
// Of people with names of three words and more: with a typo, and right, the last name first.
QuerySet long_name_queries(std::size_t people, int asked);
QuerySet address_queries(std::size_t people, int asked);

// Of rows `text,category` in CSV behind one of the columns' names: each category's first ten texts
// are what is searched, the next five what is asked. With a third column `role`, each text is what
// that says, `document` or `query`; with a fourth, `draw`, each draw is searched and asked for
// itself. A category with fewer than ten and five is left out; nothing where none is left, or a
// role is neither.
std::optional<QuerySet> intent_queries(const std::string& path);

}  // namespace mesh::bench
