#include "daemon/mesh_id.h"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "tests/support/fake_epochs.h"

namespace mesh {
namespace {

// Another process starts just before this one writes.
class Raced final : public EpochStore {
 public:
  explicit Raced(EpochStore& store) : store_(store) {}
  std::function<void()> before_write = [] {};

  Result<EpochDocument> take_over(const std::string& name) override {
    return store_.take_over(name);
  }
  Result<EpochDocument> read(const std::string& name) override { return store_.read(name); }
  Status write(const std::string& name, std::int64_t epoch, const std::string& body) override {
    std::exchange(before_write, [] {})();
    return store_.write(name, epoch, body);
  }

 private:
  EpochStore& store_;
};

TEST(MeshId, IsMadeOnceAndIsAnothersInAnotherStore) {
  test::FakeEpochStore store, other;
  const auto id = mesh_id(store).value();
  EXPECT_EQ(id.size(), 16u);
  EXPECT_EQ(mesh_id(store).value(), id);
  EXPECT_NE(mesh_id(other).value(), id);
}

TEST(MeshId, OfTwoThatStartAtOnceBothHaveTheSame) {
  test::FakeEpochStore store;
  Raced raced(store);
  std::string others;
  raced.before_write = [&] { others = mesh_id(store).value(); };
  EXPECT_EQ(mesh_id(raced).value(), others);
  EXPECT_EQ(mesh_id(store).value(), others);
}

TEST(MeshId, AStoreThatIsAwayIsSaid) {
  test::FakeEpochStore store;
  store.fail_next(1);
  EXPECT_EQ(mesh_id(store).error().kind, ErrorKind::unavailable);
}

}  // namespace
}  // namespace mesh
