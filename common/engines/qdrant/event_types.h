// The generations of every type of events: a GenerationBook for each, and a document that says
// which types there are, {"types":["order.placed"]}. A type is entered before its first generation
// is made, and stays.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "common/engines/qdrant/generations.h"

namespace mesh::qdrant {

// Any thread. Changes and errors as EventIndex's.
class EventTypes {
 public:
  // All outlive it.
  EventTypes(std::string prefix, EpochStore& store, Server& server, Clock& clock);

  Result<GenerationInfo> create(std::string_view type, const GenerationSpec& spec);
  Status serve(std::string_view type, int number);
  Status drop(std::string_view type, int number);
  Status forget(std::string_view type);

  // Asks the store. In order.
  Result<std::vector<std::string>> all();
  // `invalid` for what cannot be part of a collection's name, and so has no generations.
  Status check(std::string_view type) const;
  // Whether or not it was entered; check() comes first.
  std::shared_ptr<GenerationBook> book(const std::string& type);
  // Those that were asked for by now.
  std::vector<std::shared_ptr<GenerationBook>> known();

 private:
  Status enter(const std::string& type);

  const std::string prefix_;
  EpochStore& store_;
  Server& server_;
  Clock& clock_;
  std::mutex mutex_;  // guards the following
  std::map<std::string, std::shared_ptr<GenerationBook>> books_;
};

}  // namespace mesh::qdrant
