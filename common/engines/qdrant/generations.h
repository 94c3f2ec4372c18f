// Which generations there are, and which of them serves: a document of an EpochStore, and the
// collections of a Qdrant server that follow it.
//
// A number is entered as used before its collection is made, so that no number belongs to two
// hands, and what a hand that was taken over from still makes or drops is nobody else's. A
// collection is made before its generation is entered, and dropped after it is struck out; what is
// left between is an orphan, which whoever takes over removes. The alias is moved after the
// document says so, and put right by whoever takes over.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/engines/qdrant/document.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

// What an index's generations are called, and what their collections are made as.
struct BookKind {
  std::string name;        // of generations: "user_embeddings", whose third is user_embeddings-3
  std::string collection;  // of their collections, with the index's prefix, likewise
  std::string alias;       // of the one that serves; no collection of another kind is called so
  std::string document;    // in the EpochStore
  std::string rebuild;     // the command that builds a lost one anew
  // Bodies of PUT /collections/x, without metadata, and of PUT /collections/x/index.
  std::function<Json(const GenerationSpec&)> collection_of;
  std::function<std::vector<std::string>(int minor_version)> payload_indexes;
};
// `invalid` for a dimension that no index has.
Status check_spec(const GenerationSpec& spec);
BookKind user_book(const std::string& prefix);
// Of strict mode: no query without a tenant, and no exact one; `unindexed_reads`: filters of reads
// may name more than the payload's indexes.
Json tenants_collection(Json vectors, bool unindexed_reads);

// Any thread. Errors of the store and of the server are passed on.
class GenerationBook {
 public:
  // For how long what was read counts as what is.
  static constexpr Duration kKeptFor{1'000};

  // All but the kind outlive the book.
  GenerationBook(BookKind kind, EpochStore& store, Server& server, Clock& clock);

  // As VectorIndex's, and its errors.
  Result<std::int64_t> take_over();
  Result<GenerationInfo> create(const GenerationSpec& spec, std::int64_t epoch);
  Status drop(int number, std::int64_t epoch);
  // The serving one as well; its alias goes with its collection.
  Status drop_all(std::int64_t epoch);
  Status serve(int number, std::int64_t epoch);

  // What the document says, or said at most a second ago; or, while another call asks the store and
  // where that does not answer, when it last did. `fresh`: reads it.
  Result<Generations> current(bool fresh = false);
  // The same, but never of longer ago than kKeptFor, also where the store does not answer; and when
  // it was so.
  struct Seen {
    Generations generations;
    SteadyTime at{};
  };
  Result<Seen> seen(bool fresh = false);
  // The number that served when the document was last read, without asking for it; 0: none.
  int last_serving();
  // The spec of one; `not_found` only after the document was read for it.
  Result<GenerationSpec> find(int number);
  // "user_embeddings-3"; with it, `not_found`; and "/collections/<prefix>user_embeddings-3".
  std::string name(int number) const;
  tl::unexpected<Error> no_generation(int number) const;
  std::string path(int number) const;
  tl::unexpected<Error> still_serves(int number) const;  // `conflict`
  // What the server has refused a request about the generation with. Its 404 means `not_found`
  // where the document does not name it any more, else lost().
  tl::unexpected<Error> refused(int number, const Error& error);
  // `unavailable`: the server has no collection of a generation that the document names.
  tl::unexpected<Error> lost(int number, std::string cause = {}) const;

 private:
  // The document, as whoever holds this epoch may change it: `conflict` for another.
  Result<Generations> open(std::int64_t epoch);
  Status write(const Generations& generations, std::int64_t epoch);
  Result<bool> make_collection(int number, const GenerationSpec& spec, const std::string& mesh);
  Status index_payload(int number);
  Status drop_collection(int number);
  Status move_alias(int number);
  Status put_right(const Generations& generations);
  Status remove_orphans(const Generations& generations);

  const BookKind kind_;
  EpochStore& store_;
  Server& server_;
  Clock& clock_;
  std::mutex changing_;  // held by whoever reads the document to write it
  std::mutex mutex_;     // guards the following; taken for moments
  std::optional<Generations> kept_;
  SteadyTime kept_at_{};  // or when the store was last asked for it in vain
  SteadyTime read_at_{};
  bool asking_ = false;  // a call reads the document to keep it
};

}  // namespace mesh::qdrant
