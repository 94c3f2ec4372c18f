#include "common/engines/sqlite/events/documents.h"

#include <cstring>

#include "common/engines/sqlite/core/damage.h"
#include "common/engines/sqlite/core/query.h"
#include "common/engines/sqlite/events/events_file.h"
#include "common/engines/sqlite/events/fields_codec.h"
#include "common/engines/vectors/codes.h"

namespace mesh::sqlite {
namespace {

constexpr std::int64_t kMostDocuments = 0xffffffff;  // of a partition, ever: half of a key
constexpr std::int64_t kBytesOfAPosting = 16;        // some: what a row of five integers takes

struct Target {
  std::int64_t generation = 0;
  std::string embedder;
  int dimension = 0;
};

// The generations of the type, each with the code that the document has for it.
Result<std::vector<std::pair<Target, const std::string*>>> targets_of(
    Database& db, const PreparedDocument& prepared) {
  const auto& type = prepared.document->type;
  std::vector<std::pair<Target, const std::string*>> targets;
  MESH_TRY(each_row(
      query(db, "SELECT id, embedder, dimension FROM generations WHERE type = ?1 AND dropped = 0",
            type),
      [&](const Statement& row) -> Status {
        Target target{row.integer(0), std::string(row.text(1)), static_cast<int>(row.integer(2))};
        const auto code = prepared.codes.find(target.embedder);
        if (code == prepared.codes.end()) {
          return fail(ErrorKind::conflict,
                      "a generation of " + type + " is of the embedder " + target.embedder +
                          ", of which an event has no vector: nothing was written");
        }
        if (code->second.size() != vectors::code_bytes(target.dimension)) {
          return fail(ErrorKind::invalid, "an event's vector of the embedder " + target.embedder +
                                              " has not the dimension " +
                                              std::to_string(target.dimension) +
                                              " of the generation");
        }
        targets.emplace_back(std::move(target), &code->second);
        return {};
      }));
  return targets;
}

Result<std::int64_t> event_partition_of(Database& db, std::int64_t generation,
                                        const TenantId& tenant) {
  const auto found = MESH_TRY(
      first_row(query(db, "SELECT id FROM partitions WHERE tenant = ?1 AND generation = ?2", tenant,
                      generation),
                [](const Statement& row) { return row.integer(0); }));
  if (found) return *found;
  MESH_TRY(
      execute(db, "INSERT INTO partitions(generation, tenant) VALUES(?1, ?2)", generation, tenant));
  return db.last_insert_rowid();
}

Result<std::int64_t> topic_number(Database& db, const std::string& topic) {
  const auto found = MESH_TRY(first_row(query(db, "SELECT id FROM topics WHERE name = ?1", topic),
                                        [](const Statement& row) { return row.integer(0); }));
  if (found) return *found;
  MESH_TRY(execute(db, "INSERT INTO topics(name) VALUES(?1)", topic));
  return db.last_insert_rowid();
}

// The key of the event: the one that it has, without its rows, or a new one.
Result<std::int64_t> key_of_event(Database& db, std::int64_t partition,
                                  const std::string& event_id) {
  const auto known = MESH_TRY(
      first_row(query(db, "SELECT id FROM documents WHERE partition = ?1 AND event_id = ?2",
                      partition, event_id),
                [](const Statement& row) { return row.integer(0); }));
  if (known) {
    MESH_TRY(erase_document(db, *known));
    return *known;
  }
  const auto number = MESH_TRY(first_row(
      query(db, "UPDATE partitions SET last = last + 1 WHERE id = ?1 RETURNING last", partition),
      [](const Statement& row) { return row.integer(0); }));
  if (!number || *number > kMostDocuments) {
    return fail(ErrorKind::unavailable,
                "a generation has had all documents of a tenant that it can number: make another");
  }
  return keys_of(partition).first + *number;
}

std::string terms_bytes(const Terms& terms) {
  std::string bytes(terms.terms.size() * sizeof(std::uint32_t), '\0');
  char* at = bytes.data();
  for (const auto& term : terms.terms) {
    std::memcpy(at, &term.id, sizeof term.id);
    at += sizeof term.id;
  }
  return bytes;
}

Status change_sums(Database& db, std::int64_t partition, std::int64_t documents,
                   std::int64_t length, std::int64_t bytes) {
  return execute(db,
                 "UPDATE partitions SET documents = documents + ?2, length = length + ?3,"
                 " bytes = bytes + ?4 WHERE id = ?1",
                 partition, documents, length, bytes);
}

Status write_rows(Database& db, std::int64_t partition, std::int64_t id,
                  const PreparedDocument& prepared, const Target& target, std::string_view code) {
  const auto& document = *prepared.document;
  const auto topic = MESH_TRY(topic_number(db, document.position.topic));
  const auto terms = terms_bytes(document.terms);
  const auto bytes = static_cast<std::int64_t>(
      code.size() + prepared.fields.size() + terms.size() * (1 + kBytesOfAPosting / 4) +
      document.event_id.size() * 2 + document.subject.size() * 2 + document.title.size());
  MESH_TRY(execute(db,
                   "INSERT INTO documents(id, time, fields, length, partition, event_id, subject,"
                   " topic, part, offset, title, bytes)"
                   " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                   id, document.time, Blob{prepared.fields}, document.terms.length, partition,
                   document.event_id, document.subject, topic, document.position.partition,
                   document.position.offset, document.title, bytes));
  const auto view = vectors::view_code(code, target.dimension);
  auto coarse =
      MESH_TRY(query(db, "INSERT INTO coarse(id, time, scale, high) VALUES(?1, ?2, ?4, ?3)", id,
                     document.time, Blob{view.high}));
  MESH_TRY(coarse.bind(4, static_cast<double>(view.scale)).run());
  MESH_TRY(execute(db, "INSERT INTO fine(id, low, terms) VALUES(?1, ?2, ?3)", id, Blob{view.low},
                   Blob{terms}));
  auto post =
      MESH_TRY(db.prepare("INSERT INTO postings(partition, term, document, count, length)"
                          " VALUES(?1, ?2, ?3, ?4, ?5)"));
  for (const auto& term : document.terms.terms) {
    MESH_TRY(post.bind(1, partition)
                 .bind(2, std::int64_t{term.id})
                 .bind(3, id - keys_of(partition).first)
                 .bind(4, std::int64_t{term.count})
                 .bind(5, std::int64_t{document.terms.length})
                 .run());
  }
  return change_sums(db, partition, 1, document.terms.length, bytes);
}

Status erase_postings(Database& db, std::int64_t partition, std::int64_t id) {
  std::string terms;
  MESH_TRY(each_row(query(db, "SELECT terms FROM fine WHERE id = ?1", id),
                    [&](const Statement& row) -> Status {
                      terms = row.text(0);
                      return {};
                    }));
  auto erase = MESH_TRY(
      db.prepare("DELETE FROM postings WHERE partition = ?1 AND term = ?2 AND document = ?3"));
  std::uint32_t term = 0;
  for (std::size_t at = 0; at + sizeof term <= terms.size(); at += sizeof term) {
    std::memcpy(&term, terms.data() + at, sizeof term);
    MESH_TRY(erase.bind(1, partition)
                 .bind(2, std::int64_t{term})
                 .bind(3, id - keys_of(partition).first)
                 .run());
  }
  return {};
}

}  // namespace

Result<PreparedDocument> prepare_document(const EventDocument& document) {
  PreparedDocument prepared{&document, {}, {}};
  prepared.fields = MESH_TRY(encode_fields(document.fields));
  for (const auto& [embedder, vector] : document.vectors) {
    prepared.codes[embedder] = MESH_TRY(vectors::encode(vector));
  }
  return prepared;
}

Status write_document(Database& db, const PreparedDocument& prepared) {
  const auto targets = MESH_TRY(targets_of(db, prepared));
  for (const auto& [target, code] : targets) {
    const auto partition =
        MESH_TRY(event_partition_of(db, target.generation, prepared.document->tenant));
    const auto id = MESH_TRY(key_of_event(db, partition, prepared.document->event_id));
    MESH_TRY(write_rows(db, partition, id, prepared, target, *code));
  }
  return {};
}

Status erase_document(Database& db, std::int64_t id) {
  struct Sums {
    std::int64_t partition, length, bytes;
  };
  const auto sums = MESH_TRY(
      first_row(query(db, "SELECT partition, length, bytes FROM documents WHERE id = ?1", id),
                [](const Statement& row) {
                  return Sums{row.integer(0), row.integer(1), row.integer(2)};
                }));
  if (!sums) return {};
  MESH_TRY(erase_postings(db, sums->partition, id));
  for (const char* sql : {"DELETE FROM documents WHERE id = ?1", "DELETE FROM coarse WHERE id = ?1",
                          "DELETE FROM fine WHERE id = ?1"}) {
    MESH_TRY(execute(db, sql, id));
  }
  return change_sums(db, sums->partition, -1, -sums->length, -sums->bytes);
}

}  // namespace mesh::sqlite
