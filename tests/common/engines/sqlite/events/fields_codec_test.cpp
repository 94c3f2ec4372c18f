#include "common/engines/sqlite/events/fields_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace mesh::sqlite {
namespace {

FieldValues values_of(const std::vector<std::pair<std::string, int>>& given) {
  FieldValues fields;
  for (const auto& [name, number] : given) {
    if (number % 2 == 0) {
      fields.emplace(name, static_cast<double>(number));
    } else {
      fields.emplace(name, name + std::to_string(number));
    }
  }
  return fields;
}

TEST(FieldsCodec, WhatWasEncodedIsDecoded) {
  EXPECT_TRUE(rc::check([](const std::vector<std::pair<std::string, int>>& given) {
    const auto fields = values_of(given);
    RC_ASSERT(decode_fields(encode_fields(fields).value()).value() == fields);
  }));
}

TEST(FieldsCodec, FiltersOfStoredValuesSayWhatFiltersOfValuesSay) {
  EXPECT_TRUE(rc::check([](const std::vector<std::pair<bool, int>>& given, int asked, bool name) {
    FieldValues fields;
    for (const auto& [first, number] : given) {
      fields.emplace(first ? "a" : "b", static_cast<double>(number % 5));
    }
    const auto bytes = encode_fields(fields).value();
    using Op = Condition::Op;
    for (const Op op : {Op::equal, Op::unequal, Op::less, Op::at_most, Op::greater, Op::at_least}) {
      const EventFilter filter{{name ? "a" : "b", op, {static_cast<double>(asked % 5)}},
                               {"c", Op::unequal, {"x"}}};
      RC_ASSERT(stored_holds(filter, bytes).value() == holds(filter, fields));
    }
  }));
}

TEST(FieldsCodec, CutBytesAreDamage) {
  const auto bytes = encode_fields({{"country", "DE"}}).value();
  const EventFilter filter{{"none", Condition::Op::equal, {"x"}}};
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    EXPECT_EQ(decode_fields(bytes.substr(0, size)).error().kind, ErrorKind::corrupt) << size;
    EXPECT_EQ(stored_holds(filter, bytes.substr(0, size)).error().kind, ErrorKind::corrupt);
  }
  EXPECT_EQ(encode_fields({{std::string(70'000, 'x'), 1.0}}).error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace mesh::sqlite
