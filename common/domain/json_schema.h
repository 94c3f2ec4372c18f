// A compiled JSON Schema of draft 7, and what of a value breaks it.
//
// The library (valijson) does the work but for texts: its `pattern` and `format` are std::regex,
// which overflows the stack on long ones, so both are judged here.
#pragma once

#include <memory>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh {

// Immutable; any thread.
class JsonSchema {
 public:
  static constexpr std::size_t kMaxViolations = 20;

  // A schema of the catalogue, or what checked_schema (schema_rules.h) gave: without $ref.
  // `unprocessable` where the library does not take it.
  static Result<std::shared_ptr<const JsonSchema>> compile(const Json& schema);
  ~JsonSchema();

  // A pointer into the value for each offence, at most 20; none: the value conforms. Of a value of
  // over 2,000 nodes it is only told that it does not. Texts are measured up to their first NUL;
  // 1.0 is an integer.
  std::vector<FieldError> violations(const Json& value) const;

 private:
  JsonSchema();
  struct Compiled;
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace mesh
