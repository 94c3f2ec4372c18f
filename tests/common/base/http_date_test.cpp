#include "common/base/http_date.h"

#include <gtest/gtest.h>

#include "common/base/time.h"

namespace mesh {
namespace {

TEST(HttpDate, IsReadInItsOneForm) {
  EXPECT_EQ(format_rfc3339(*parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")),
            "1994-11-06T08:49:37.000Z");
  for (const char* text :
       {"", "Sun, 06 Nov 1994", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Abc 1994 08:49:37 GMT", "Sun, 06 Nov 1994 28:49:37 GMT"}) {
    EXPECT_FALSE(parse_http_date(text)) << text;
  }
}

}  // namespace
}  // namespace mesh
