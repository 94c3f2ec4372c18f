#include "common/engines/postgres/params.h"

#include <libpq-fe.h>

#include <cstdlib>

namespace mesh::postgres {
namespace {

// From the server's catalogue pg_type, where they never change.
constexpr unsigned kBool = 16, kBytea = 17, kInt8 = 20, kText = 25;
constexpr unsigned kByteaArray = 1001, kTextArray = 1009, kInt8Array = 1016;

template <typename Unsigned>
void put(std::string& out, Unsigned value) {
  for (int shift = static_cast<int>(sizeof(value)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

std::string integer_bytes(std::int64_t value) {
  std::string out;
  put(out, static_cast<std::uint64_t>(value));
  return out;
}

// An array of one dimension. `item` answers an element's bytes, or nothing for null.
template <typename List, typename Item>
std::string array_bytes(const List& list, unsigned type, bool nulls, Item item) {
  std::string out;
  put(out, std::uint32_t{list.empty() ? 0U : 1U});
  put(out, std::uint32_t{nulls});
  put(out, std::uint32_t{type});
  if (list.empty()) return out;
  put(out, static_cast<std::uint32_t>(list.size()));
  put(out, std::uint32_t{1});  // the first element's index
  for (const auto& one : list) {
    const std::optional<std::string_view> bytes = item(one);
    put(out, bytes ? static_cast<std::uint32_t>(bytes->size()) : ~std::uint32_t{0});
    out.append(bytes.value_or(std::string_view()));
  }
  return out;
}

std::optional<std::string_view> as_it_is(const std::string& text) { return text; }

}  // namespace

void Params::add_integer(std::int64_t value) {
  types_.push_back(kInt8);
  values_.push_back(integer_bytes(value));
}

void Params::add_flag(bool value) {
  types_.push_back(kBool);
  values_.emplace_back(1, value ? '\1' : '\0');
}

void Params::add_text(std::string_view text) {
  types_.push_back(kText);
  values_.emplace_back(text);
}

void Params::add_bytes(std::string_view bytes) {
  types_.push_back(kBytea);
  values_.emplace_back(bytes);
}

void Params::add_bytes(const BytesList& list) {
  types_.push_back(kByteaArray);
  values_.push_back(array_bytes(list.items, kBytea, false, as_it_is));
}

void Params::add_bytes(const MaybeBytesList& list) {
  types_.push_back(kByteaArray);
  values_.push_back(array_bytes(list.items, kBytea, true, [](const auto& item) {
    return item ? std::optional<std::string_view>(*item) : std::nullopt;
  }));
}

void Params::add_list(const std::vector<std::int64_t>& list) {
  types_.push_back(kInt8Array);
  std::string bytes;
  values_.push_back(array_bytes(list, kInt8, false, [&](std::int64_t value) {
    bytes = integer_bytes(value);
    return std::optional<std::string_view>(bytes);
  }));
}

void Params::add_list(const std::vector<std::string>& list) {
  types_.push_back(kTextArray);
  values_.push_back(array_bytes(list, kText, false, as_it_is));
}

void Rows::Free::operator()(pg_result* result) const { PQclear(result); }

Rows::Rows(pg_result* result) : result_(result) {}

int Rows::size() const { return PQntuples(result_.get()); }

std::int64_t Rows::changed() const { return std::atoll(PQcmdTuples(result_.get())); }

bool Rows::is_null(int row, int column) const {
  return PQgetisnull(result_.get(), row, column) != 0;
}

std::string_view Rows::text(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::integer(int row, int column) const {
  const std::string_view bytes = text(row, column);
  if (bytes.empty()) return 0;
  // The first byte carries the sign of a shorter integer, too.
  auto value = static_cast<std::int64_t>(static_cast<signed char>(bytes.front()));
  for (const char byte : bytes.substr(1)) {
    value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8U |
                                      static_cast<unsigned char>(byte));
  }
  return value;
}

bool Rows::flag(int row, int column) const {
  const std::string_view bytes = text(row, column);
  return !bytes.empty() && bytes.front() != '\0';
}

}  // namespace mesh::postgres
