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
#include <mutex>
#include <optional>
#include <string>

#include "common/engines/qdrant/document.h"
#include "common/engines/qdrant/server.h"

namespace mesh::qdrant {

// "user_embeddings-3"
std::string generation_name(int number);
tl::unexpected<Error> no_generation(int number);  // `not_found`

// Any thread. Errors of the store and of the server are passed on.
class GenerationBook {
 public:
  // `prefix` and `server` as the index has them; all outlive the book.
  GenerationBook(std::string prefix, EpochStore& store, Server& server, Clock& clock);

  // As VectorIndex's, and its errors.
  Result<std::int64_t> take_over();
  Result<GenerationInfo> create(const GenerationSpec& spec, std::int64_t epoch);
  Status drop(int number, std::int64_t epoch);
  Status serve(int number, std::int64_t epoch);

  // What the document says, or said at most a second ago; or, while another call asks the store and
  // where that does not answer, when it last did. `fresh`: reads it.
  Result<Generations> current(bool fresh = false);
  // The number that served when the document was last read, without asking for it; 0: none.
  int last_serving();
  // The spec of one; `not_found` only after the document was read for it.
  Result<GenerationSpec> find(int number);
  // "/collections/<prefix>user_embeddings-3"
  std::string path(int number) const;
  // `unavailable`: the server has no collection of a generation that the document names.
  tl::unexpected<Error> lost(int number, std::string cause = {}) const;

 private:
  // The document, as whoever holds this epoch may change it: `conflict` for another.
  Result<Generations> open(std::int64_t epoch);
  Status write(const Generations& generations, std::int64_t epoch);
  void keep(const Generations& generations);

  Result<bool> make_collection(int number, const GenerationSpec& spec, const std::string& mesh);
  Status index_payload(int number);
  Status drop_collection(int number);
  Status move_alias(int number);
  Status put_right(const Generations& generations);
  Status remove_orphans(const Generations& generations);

  const std::string prefix_;
  EpochStore& store_;
  Server& server_;
  Clock& clock_;
  std::mutex changing_;  // held by whoever reads the document to write it
  std::mutex mutex_;     // guards the following; taken for moments
  std::optional<Generations> kept_;
  SteadyTime kept_at_{};
  bool asking_ = false;  // a call reads the document to keep it
};

}  // namespace mesh::qdrant
