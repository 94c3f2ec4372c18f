#include "common/models/word_piece.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "common/base/unicode.h"
#include "common/models/files.h"

namespace mesh::models {
namespace {

// A word of the longest tokens is compared with so many bytes at most.
constexpr std::size_t kMaxTokenBytes = 1024;
constexpr std::int64_t kMaxWordLength = 10'000;
constexpr std::size_t kMaxAddedTokens = 1000;
// So many words' places in the vocabulary are on their way from memory at once: each lies where no
// cache expects it, and one after the other would be waited for.
constexpr std::size_t kWordsAhead = 8;

tl::unexpected<Error> not_done(const std::string& what) {
  return fail(ErrorKind::unprocessable,
              what + ": this program reads WordPiece with BertNormalizer and BertPreTokenizer");
}

tl::unexpected<Error> contradiction(const std::string& what) {
  return fail(ErrorKind::invalid, what);
}

std::string type_of(const Json& part) {
  const auto type = part.is_object() ? part.find("type") : part.end();
  return part.is_object() && type != part.end() && type->is_string() ? type->get<std::string>()
                                                                     : "?";
}

// The only member of a Sequence of one, or the part itself.
const Json& only_of(const Json& part, const char* members) {
  if (type_of(part) != "Sequence") return part;
  const auto list = part.find(members);
  return list != part.end() && list->is_array() && list->size() == 1 ? list->front() : part;
}

Result<bool> flag_of(const Json& object, const char* name, bool otherwise) {
  const auto found = object.find(name);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_boolean()) return contradiction(std::string(name) + " is neither true nor false");
  return found->get<bool>();
}

Result<std::string> text_of(const Json& object, const char* name, const char* otherwise) {
  const auto found = object.find(name);
  if (found == object.end()) return std::string(otherwise);
  if (!found->is_string()) return contradiction(std::string(name) + " is no text");
  return found->get<std::string>();
}

enum class AsciiClass : unsigned char { control, space, punctuation, word };

// By General_Category, with ASCII's symbols as punctuation.
constexpr auto kAscii = [] {
  std::array<AsciiClass, 128> classes{};
  for (int c = 0; c < 128; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    classes[static_cast<std::size_t>(c)] = space                 ? AsciiClass::space
                                           : c < ' ' || c == 127 ? AsciiClass::control
                                           : letter              ? AsciiClass::word
                                                                 : AsciiClass::punctuation;
  }
  return classes;
}();

// The hash of a text, byte by byte: of a word it gives those of all that it begins with at once.
// The upper half is mixed best and picks the slot.
std::uint64_t hash_on(std::uint64_t hash, char c) {
  return (std::rotl(hash, 5) ^ static_cast<unsigned char>(c)) * 0x9e3779b97f4a7c15;
}

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0;
  for (const char c : text) hash = hash_on(hash, c);
  return hash;
}

// The first eight bytes, with zeros behind a shorter text.
std::uint64_t head_of(std::string_view text) {
  std::uint64_t head = 0;
  std::memcpy(&head, text.data(), std::min(text.size(), sizeof head));
  return head;
}

AsciiClass class_of(char c) { return kAscii[static_cast<unsigned char>(c)]; }

bool is_ascii_byte(char c) { return static_cast<unsigned char>(c) < 0x80; }

// What stands between spaces of its own. The list is the reference's; it has a gap at U+2B820 where
// Unicode has Han characters of extension E.
bool is_chinese(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) ||
         (c >= 0x20000 && c <= 0x2a6df) || (c >= 0x2a700 && c <= 0x2b73f) ||
         (c >= 0x2b740 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) ||
         (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}

// Tabs and line ends are spaces and not controls; other controls that Unicode counts as white space
// go with the controls.
bool goes(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  return c == 0 || c == 0xfffd || is_other(c);
}

void append_lower(std::string& text, char32_t c) {
  append_point(text, lower_case(c));
  // The one code point whose lower case is two, wherever it stands.
  if (c == 0x130) append_point(text, 0x307);
}

// The first place where one of the texts stands, the longest of those there; null where none does.
template <typename Added>
const Added* find_first(std::string_view text, const std::vector<Added>& added,
                        std::size_t& place) {
  if (added.empty()) return nullptr;
  std::array<bool, 256> begins{};
  for (const auto& token : added) begins[static_cast<unsigned char>(token.text.front())] = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!begins[static_cast<unsigned char>(text[i])]) continue;
    const Added* longest = nullptr;
    for (const auto& token : added) {
      if (text.substr(i).starts_with(token.text) &&
          (longest == nullptr || token.text.size() > longest->text.size())) {
        longest = &token;
      }
    }
    if (longest != nullptr) {
      place = i;
      return longest;
    }
  }
  return nullptr;
}

// Calls `between` for what stands between added tokens and appends their ids; until there are
// `limit` of them.
template <typename Added, typename Between>
void split_added(std::string_view text, const std::vector<Added>& added, std::size_t limit,
                 std::vector<std::int32_t>& ids, const Between& between) {
  while (!text.empty() && ids.size() < limit) {
    std::size_t place = text.size();
    const Added* token = find_first(text, added, place);
    if (place > 0) between(text.substr(0, place));
    if (token == nullptr) return;
    if (ids.size() < limit) ids.push_back(token->id);
    text.remove_prefix(place + token->text.size());
  }
}

}  // namespace

void WordPiece::Index::build(const std::vector<std::string>& tokens, std::size_t count,
                             std::string_view prefix) {
  skip = prefix.size();
  const auto keys = static_cast<std::size_t>(
      std::count_if(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count),
                    [&](const std::string& token) { return token.starts_with(prefix); }));
  slots.assign(std::bit_ceil(2 * keys + 1), {});
  for (std::size_t id = 0; id < count; ++id) {
    const std::string_view token = tokens[id];
    if (!token.starts_with(prefix)) continue;
    const std::string_view key = token.substr(skip);
    longest = std::max(longest, key.size());
    const std::uint64_t hash = hash_of(key);
    std::size_t slot = (hash >> 32) & (slots.size() - 1);
    while (slots[slot].id >= 0) slot = (slot + 1) & (slots.size() - 1);
    slots[slot] = {head_of(key), static_cast<std::uint32_t>(key.size()),
                   static_cast<std::int32_t>(id)};
  }
}

std::int32_t WordPiece::Index::find(const std::vector<std::string>& tokens, std::string_view key,
                                    std::uint64_t hash) const {
  const std::uint64_t key_head = head_of(key);
  for (std::size_t slot = (hash >> 32) & (slots.size() - 1);;
       slot = (slot + 1) & (slots.size() - 1)) {
    const auto [head, size, id] = slots[slot];
    if (id < 0) return -1;
    if (head != key_head || size != key.size()) continue;
    if (size <= sizeof head) return id;
    if (std::string_view(tokens[static_cast<std::size_t>(id)]).substr(skip) == key) return id;
  }
}

void WordPiece::Index::fetch(std::string_view word) const {
  const std::uint64_t hash = hash_of(word.substr(0, longest));
  __builtin_prefetch(&slots[(hash >> 32) & (slots.size() - 1)]);
}

Status WordPiece::read_model(const Json& model) {
  if (type_of(model) != "WordPiece") return not_done("model \"" + type_of(model) + "\"");
  continuing_ = MESH_TRY(text_of(model, "continuing_subword_prefix", "##"));
  const std::string unknown = MESH_TRY(text_of(model, "unk_token", "[UNK]"));
  if (const auto most = model.find("max_input_chars_per_word"); most != model.end()) {
    if (!most->is_number_integer() || *most < 0 || *most > kMaxWordLength) {
      return contradiction("max_input_chars_per_word is not between 0 and " +
                           std::to_string(kMaxWordLength));
    }
    max_word_ = most->get<std::size_t>();
  }
  const auto vocabulary = model.find("vocab");
  if (vocabulary == model.end() || !vocabulary->is_object()) {
    return contradiction("the model has no vocab");
  }
  const auto& entries = vocabulary->get_ref<const Json::object_t&>();
  tokens_.resize(entries.size());
  std::vector<bool> taken(entries.size());
  for (const auto& [token, id] : entries) {
    const bool known = id.is_number_integer() && id >= 0 && id < entries.size();
    if (!known || taken[id.get<std::size_t>()]) {
      return contradiction("the id of token \"" + token + "\" is no number of its own below " +
                           std::to_string(entries.size()) + ", which is how many tokens there are");
    }
    if (token.size() > kMaxTokenBytes) {
      return contradiction("token " + id.dump() + " is longer than " +
                           std::to_string(kMaxTokenBytes) + " bytes");
    }
    taken[id.get<std::size_t>()] = true;
    tokens_[id.get<std::size_t>()] = token;
  }
  model_tokens_ = tokens_.size();
  whole_.build(tokens_, model_tokens_, "");
  continuing_index_.build(tokens_, model_tokens_, continuing_);
  unknown_ = whole_.find(tokens_, unknown, hash_of(unknown));
  if (unknown_ < 0) return contradiction("unk_token \"" + unknown + "\" is not in the vocab");
  return {};
}

Status WordPiece::read_normalizer(const Json& normalizer) {
  if (normalizer.is_null()) return {};
  const Json& part = only_of(normalizer, "normalizers");
  if (type_of(part) != "BertNormalizer") return not_done("normalizer \"" + type_of(part) + "\"");
  clean_text_ = MESH_TRY(flag_of(part, "clean_text", true));
  chinese_ = MESH_TRY(flag_of(part, "handle_chinese_chars", true));
  lowercase_ = MESH_TRY(flag_of(part, "lowercase", true));
  strip_accents_ = MESH_TRY(flag_of(part, "strip_accents", lowercase_));
  return {};
}

Status WordPiece::read_added(const Json& tokens) {
  if (tokens.is_null()) return {};
  if (!tokens.is_array() || tokens.size() > kMaxAddedTokens) {
    return contradiction("added_tokens is no list of at most " + std::to_string(kMaxAddedTokens));
  }
  for (const Json& token : tokens) {
    if (!token.is_object()) return contradiction("an added token is no object");
    const std::string text = MESH_TRY(text_of(token, "content", ""));
    const auto number = token.find("id");
    if (text.empty() || number == token.end() || !number->is_number_integer() || *number < 0 ||
        *number > tokens_.size()) {
      return contradiction("added token \"" + text + "\" has no content, or no id up to " +
                           std::to_string(tokens_.size()));
    }
    const auto id = number->get<std::int32_t>();
    const std::int32_t known = whole_.find(tokens_, text, hash_of(text));
    if (known >= 0 ? known != id : static_cast<std::size_t>(id) != tokens_.size()) {
      return contradiction("added token \"" + text + "\" has id " + std::to_string(id) +
                           ", which is not its own in the vocab, nor the next behind it");
    }
    const bool single_word = MESH_TRY(flag_of(token, "single_word", false));
    if (single_word) {
      return not_done("added token \"" + text + "\" with single_word");
    }
    const bool normalized = MESH_TRY(flag_of(token, "normalized", true));
    if (known < 0) tokens_.push_back(text);
    // lstrip and rstrip take the white space beside it, which divides words and is no token anyway.
    if (is_space(static_cast<unsigned char>(text.front())) ||
        is_space(static_cast<unsigned char>(text.back()))) {
      return not_done("added token \"" + text + "\" with white space at an end");
    }
    const std::string looked_for = normalized ? normalize(text) : text;
    if (!looked_for.empty()) (normalized ? added_normal_ : added_).push_back({looked_for, id});
  }
  return {};
}

Result<WordPiece> WordPiece::read(const Json& tokenizer) {
  if (!tokenizer.is_object()) return contradiction("a tokenizer is an object");
  const auto part = [&](const char* name) -> const Json& {
    static const Json kNone;
    const auto found = tokenizer.find(name);
    return found == tokenizer.end() ? kNone : *found;
  };
  WordPiece read;
  MESH_TRY(read.read_model(part("model")));
  MESH_TRY(read.read_normalizer(part("normalizer")));
  const Json& pre_tokenizer = only_of(part("pre_tokenizer"), "pretokenizers");
  if (type_of(pre_tokenizer) != "BertPreTokenizer") {
    return not_done("pre_tokenizer \"" + type_of(pre_tokenizer) + "\"");
  }
  MESH_TRY(read.read_added(part("added_tokens")));
  return read;
}

Result<WordPiece> WordPiece::parse(std::string_view text) {
  const auto json = MESH_TRY(parse_json(text, {.max_bytes = kMaxJsonBytes}));
  return read(json);
}

Result<WordPiece> WordPiece::open(const std::string& path) {
  const std::string text = MESH_TRY(read_whole(path, kMaxJsonBytes));
  auto parsed = parse(text);
  if (!parsed) parsed.error().message = path + ": " + parsed.error().message;
  return parsed;
}

std::int32_t WordPiece::id_of(std::string_view token) const {
  if (const std::int32_t id = whole_.find(tokens_, token, hash_of(token)); id >= 0) return id;
  const auto added =
      std::find(tokens_.begin() + static_cast<std::ptrdiff_t>(model_tokens_), tokens_.end(), token);
  return added == tokens_.end() ? -1 : static_cast<std::int32_t>(added - tokens_.begin());
}

// What normalize() makes of most texts, without a look at Unicode's tables.
std::string WordPiece::normalize_ascii(std::string_view text) const {
  std::string normal(text.size(), '\0');
  std::size_t size = 0;
  for (char c : text) {
    if (clean_text_) {
      const auto kind = class_of(c);
      if (kind == AsciiClass::control || c == '\v' || c == '\f') continue;
      if (kind == AsciiClass::space) c = ' ';
    }
    normal[size++] = static_cast<char>(lowercase_ && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  }
  normal.resize(size);
  return normal;
}

std::string WordPiece::normalize(std::string_view text) const {
  if (std::ranges::all_of(text, is_ascii_byte)) return normalize_ascii(text);
  std::string clean;
  clean.reserve(text.size() + text.size() / 2);
  while (!text.empty()) {
    const char32_t read = take_point(text);
    const char32_t c = read == kBrokenPoint ? 0xfffd : read;
    if (clean_text_ && goes(c)) continue;
    if (clean_text_ && is_space(c)) {
      clean += ' ';
      continue;
    }
    const bool apart = chinese_ && is_chinese(c);
    if (apart) clean += ' ';
    append_point(clean, c);
    if (apart) clean += ' ';
  }
  if (!strip_accents_ && !lowercase_) return clean;
  if (strip_accents_) clean = to_nfd(clean);
  std::string normal;
  normal.reserve(clean.size());
  for (std::string_view rest = clean; !rest.empty();) {
    const char32_t c = take_point(rest);
    if (strip_accents_ && is_nonspacing_mark(c)) continue;
    if (lowercase_) {
      append_lower(normal, c);
    } else {
      append_point(normal, c);
    }
  }
  return normal;
}

void WordPiece::add_word(std::string_view word, std::vector<std::int32_t>& ids) const {
  const auto points = static_cast<std::size_t>(std::ranges::count_if(
      word, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  const std::size_t before = ids.size();
  const Index* index = &whole_;
  std::uint64_t hashes[kMaxTokenBytes];  // of what `rest` begins with, of one byte and more
  for (std::size_t begin = 0; points <= max_word_ && begin < word.size();) {
    const std::string_view rest = word.substr(begin);
    std::size_t length = std::min(rest.size(), index->longest);
    std::uint64_t hash = 0;
    for (std::size_t i = 0; i < length; ++i) hashes[i] = hash = hash_on(hash, rest[i]);
    const auto inside = [&](std::size_t at) {
      return at < rest.size() && (static_cast<unsigned char>(rest[at]) & 0xc0) == 0x80;
    };
    std::int32_t id = -1;
    for (; length > 0; --length) {
      if (inside(length)) continue;
      id = index->find(tokens_, rest.substr(0, length), hashes[length - 1]);
      if (id >= 0) break;
    }
    if (id < 0) break;
    ids.push_back(id);
    begin += length;
    index = &continuing_index_;
    if (begin == word.size()) return;
  }
  ids.resize(before);
  ids.push_back(unknown_);
}

void WordPiece::add_words(std::string_view normal, std::size_t limit,
                          std::vector<std::int32_t>& ids) const {
  std::string_view words[kWordsAhead];  // which are found, and not yet looked up
  std::size_t count = 0;
  const auto look_up = [&] {
    for (std::size_t i = 0; i < count && ids.size() < limit; ++i) add_word(words[i], ids);
    count = 0;
  };
  const char* begin = normal.data();  // of the word that is being read
  const auto finish = [&](const char* end) {
    if (begin == end) return;
    words[count] = {begin, static_cast<std::size_t>(end - begin)};
    whole_.fetch(words[count]);
    if (++count == kWordsAhead) look_up();
  };
  while (!normal.empty() && ids.size() < limit) {
    const char* const here = normal.data();
    bool space = false, punctuation = false;
    if (is_ascii_byte(*here)) {
      space = class_of(*here) == AsciiClass::space;
      punctuation = class_of(*here) == AsciiClass::punctuation;
      normal.remove_prefix(1);
    } else {
      const char32_t c = take_point(normal);
      space = is_space(c);
      punctuation = !space && is_punctuation(c);
    }
    if (!space && !punctuation) continue;
    finish(here);
    begin = punctuation ? here : normal.data();
    if (!punctuation) continue;
    finish(normal.data());
    begin = normal.data();
  }
  finish(normal.data());
  look_up();
  if (ids.size() > limit) ids.resize(limit);
}

void WordPiece::encode(std::string_view text, std::size_t limit,
                       std::vector<std::int32_t>& ids) const {
  limit = limit > ids.max_size() - ids.size() ? ids.max_size() : ids.size() + limit;
  split_added(text, added_, limit, ids, [&](std::string_view part) {
    const std::string normal = normalize(part);
    split_added(normal, added_normal_, limit, ids,
                [&](std::string_view words) { add_words(words, limit, ids); });
  });
}

}  // namespace mesh::models
