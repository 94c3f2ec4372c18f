#include "cli/exit_code.h"

#include "common/base/clock.h"

namespace mesh::cli {
namespace {

using ::testing::HasSubstr;

TEST(ExitCode, IsTheOneOfTheContract) {
  EXPECT_EQ(exit_code(ErrorKind::invalid), Exit::usage);
  EXPECT_EQ(exit_code(ErrorKind::not_found), Exit::not_found);
  EXPECT_EQ(exit_code(ErrorKind::unauthenticated), Exit::auth);
  EXPECT_EQ(exit_code(ErrorKind::forbidden), Exit::auth);
  EXPECT_EQ(exit_code(ErrorKind::rate_limited), Exit::rate_limited);
  EXPECT_EQ(exit_code(ErrorKind::timeout), Exit::timed_out);
  for (const ErrorKind kind :
       {ErrorKind::conflict, ErrorKind::too_large, ErrorKind::unsupported, ErrorKind::unprocessable,
        ErrorKind::unavailable, ErrorKind::uncertain, ErrorKind::cancelled, ErrorKind::corrupt,
        ErrorKind::internal}) {
    EXPECT_EQ(exit_code(kind), Exit::failure) << to_string(kind);
  }
}

TEST(ErrorText, NamesTheRequestAndTheFieldsALineEach) {
  const std::string text = error_text({.kind = ErrorKind::unprocessable,
                                       .message = "the user is not valid",
                                       .cause = {},
                                       .fields = {{"/email", "is missing"}, {"", "x"}},
                                       .retry_after = {},
                                       .request_id = "r1"},
                                      false);
  EXPECT_EQ(text, "mesh: the user is not valid (request id r1)\n  /email: is missing\n  /: x\n");
}

TEST(ErrorText, KeepsOtherCausesForVerboseRuns) {
  const Error error{ErrorKind::unavailable, "nobody answers", "connect: refused", {}, {}};
  EXPECT_EQ(error_text(error, false).find("refused"), std::string::npos);
  EXPECT_THAT(error_text(error, true), HasSubstr("cause: connect: refused"));
}

TEST(ErrorText, AdvisesWhereAdviceHelps) {
  EXPECT_THAT(error_text({ErrorKind::rate_limited, "too fast", {}, {}, Duration{3000}}, false),
              HasSubstr("try again in 3s"));
  EXPECT_THAT(error_text({ErrorKind::unavailable, "x", {}, {}, {}}, false),
              HasSubstr("mesh doctor"));
}

}  // namespace
}  // namespace mesh::cli
