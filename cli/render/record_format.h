// The format strings of `events tail -f`. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/error.h"
#include "common/base/json.h"

namespace mesh::cli {

// %t topic  %p partition  %o offset  %k key  %v value  %T time  %y type  %i id  %e tenant
// %h headers as name=value,…  %% a percent sign; \n \t \r \\ as in C.
class RecordFormat {
 public:
  static Result<RecordFormat> parse(std::string_view text);  // `invalid` names the place
  // `safe`: members are made printable, for terminals; the format's own escapes stay.
  std::string apply(const Json& record, bool safe = false) const;

 private:
  struct Piece {
    char verb = 0;  // 0: literal
    std::string literal;
  };
  std::vector<Piece> pieces_;
};

}  // namespace mesh::cli
