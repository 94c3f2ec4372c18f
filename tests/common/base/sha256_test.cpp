#include "common/base/sha256.h"

#include <gtest/gtest.h>

#include "common/base/strings.h"

namespace mesh {
namespace {

TEST(Sha256, OfPiecesIsThatOfTheWhole) {
  EXPECT_EQ(Sha256().hex(), sha256_hex(""));
  Sha256 sum;
  for (const char* piece : {"a", "", "bc"}) sum.add(piece);
  EXPECT_EQ(sum.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace mesh
