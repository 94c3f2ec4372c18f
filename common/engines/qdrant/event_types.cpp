#include "common/engines/qdrant/event_types.h"

#include <algorithm>
#include <set>

#include "common/engines/qdrant/event_points.h"

namespace mesh::qdrant {
namespace {

constexpr const char* kEvents = "events";
constexpr std::size_t kMostBooks = 4'096;
constexpr int kMostTakeovers = 5;
// Of prefix and type: with what stands around them within the 255 that a collection's name may
// have.
constexpr std::size_t kMostNameBytes = 230;

using Types = std::set<std::string>;

Result<Types> parse_types(const std::string& text) {
  Types types;
  if (text.empty()) return types;
  const auto document = parse_json(text);
  const bool good =
      document && document->is_object() && document->contains("types") &&
      (*document)["types"].is_array() &&
      std::ranges::all_of((*document)["types"], [](const Json& type) { return type.is_string(); });
  if (!good) {
    return fail(ErrorKind::corrupt,
                "the store's document of the types of events that are indexed cannot be read: take "
                "it from a backup of the store",
                text.substr(0, 500));
  }
  for (const auto& type : (*document)["types"]) types.insert(type.get<std::string>());
  return types;
}

BookKind event_book(const std::string& prefix, const std::string& type) {
  BookKind kind;
  kind.name = type;
  kind.collection = kind.document = prefix + kEvents + "-" + type;
  // Types may end in a number, as collections do, and so may not be an alias as they are.
  kind.alias = kind.collection + "-serving";
  kind.rebuild = "mesh index rebuild-events " + type;
  kind.collection_of = event_collection;
  kind.payload_indexes = event_payload_indexes;
  return kind;
}

// Changes under an epoch of its own; again where another has taken over in between.
template <typename TakeOver, typename Change>
auto as_holder(TakeOver take_over, Change change) -> decltype(change(take_over().value())) {
  for (int attempt = 1;; ++attempt) {
    const auto held = take_over();
    if (!held) return fail(held.error());
    auto done = change(*held);
    if (done || done.error().kind != ErrorKind::conflict) return done;
    if (attempt == kMostTakeovers) {
      return fail(ErrorKind::unavailable,
                  "other processes change the index of events at the same time: try again",
                  done.error().message);
    }
  }
}

}  // namespace

EventTypes::EventTypes(std::string prefix, EpochStore& store, Server& server, Clock& clock)
    : prefix_(std::move(prefix)), store_(store), server_(server), clock_(clock) {}

Status EventTypes::check(std::string_view type) const {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  const bool fits = prefix_.size() + type.size() <= kMostNameBytes;
  if (!type.empty() && fits && std::ranges::all_of(type, allowed)) return {};
  return fail(ErrorKind::invalid,
              "an index of events in Qdrant takes types of letters, digits, '_', '-' and '.', with "
              "qdrant.prefix of up to " +
                  std::to_string(kMostNameBytes) + " bytes, not \"" +
                  std::string(type.substr(0, kMostNameBytes)) + "\"");
}

Result<std::vector<std::string>> EventTypes::all() {
  const auto document = MESH_TRY(store_.read(prefix_ + kEvents));
  const auto types = MESH_TRY(parse_types(document.body));
  return std::vector<std::string>(types.begin(), types.end());
}

std::shared_ptr<GenerationBook> EventTypes::book(const std::string& type) {
  std::lock_guard lock(mutex_);
  const auto it = books_.find(type);
  if (it != books_.end()) return it->second;
  // Searches may name any type. What is forgotten is read again.
  if (books_.size() == kMostBooks) books_.clear();
  auto book = std::make_shared<GenerationBook>(event_book(prefix_, type), store_, server_, clock_);
  books_.emplace(type, book);
  return book;
}

std::vector<std::shared_ptr<GenerationBook>> EventTypes::known() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<GenerationBook>> known;
  for (const auto& [type, book] : books_) known.push_back(book);
  return known;
}

Status EventTypes::enter(const std::string& type) {
  const std::string name = prefix_ + kEvents;
  const auto there = MESH_TRY(all());
  if (std::ranges::find(there, type) != there.end()) return {};
  return as_holder([&] { return store_.take_over(name); },
                   [&](const EpochDocument& document) -> Status {
                     auto types = MESH_TRY(parse_types(document.body));
                     types.insert(type);
                     return store_.write(name, document.epoch, dump({{"types", types}}));
                   });
}

Result<GenerationInfo> EventTypes::create(std::string_view type, const GenerationSpec& spec) {
  MESH_TRY(check(type));
  MESH_TRY(check_spec(spec));
  const std::string name(type);
  MESH_TRY(enter(name));
  const auto book = this->book(name);
  return as_holder([&] { return book->take_over(); },
                   [&](std::int64_t epoch) { return book->create(spec, epoch); });
}

Status EventTypes::serve(std::string_view type, int number) {
  MESH_TRY(check(type));
  const auto book = this->book(std::string(type));
  const auto known = MESH_TRY(book->current(true));
  if (!known.specs.contains(number)) return book->no_generation(number);
  return as_holder([&] { return book->take_over(); },
                   [&](std::int64_t epoch) { return book->serve(number, epoch); });
}

Status EventTypes::drop(std::string_view type, int number) {
  MESH_TRY(check(type));
  const auto book = this->book(std::string(type));
  const auto known = MESH_TRY(book->current(true));
  if (!known.specs.contains(number)) return book->no_generation(number);
  if (known.serving == number) return book->still_serves(number);
  return as_holder([&] { return book->take_over(); },
                   [&](std::int64_t epoch) { return book->drop(number, epoch); });
}

// The type stays entered, and with it the last number that was given.
Status EventTypes::forget(std::string_view type) {
  if (!check(type)) return {};
  const auto book = this->book(std::string(type));
  const auto known = MESH_TRY(book->current(true));
  if (known.specs.empty()) return {};
  return as_holder([&] { return book->take_over(); },
                   [&](std::int64_t epoch) { return book->drop_all(epoch); });
}

}  // namespace mesh::qdrant
