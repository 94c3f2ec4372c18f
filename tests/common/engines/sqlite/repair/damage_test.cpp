// Bytes that change and files that are cut: every read is right, or `corrupt`.
//
// MESH_DAMAGE_STRIDE: every how many bytes one is flipped (127); 1 tries each.
#include <cstdlib>
#include <fstream>

#include "tests/common/engines/sqlite/subject.h"
#include "tests/support/bytes.h"
#include "tests/support/temp_dir.h"

namespace mesh::test {
namespace {

constexpr int kDamagedWrites = 40;

std::size_t stride() {
  const char* value = std::getenv("MESH_DAMAGE_STRIDE");
  return value != nullptr ? std::max<std::size_t>(1, std::stoul(value)) : 127;
}

class Damaged : public ::testing::TestWithParam<SubjectKind> {
 protected:
  void SetUp() override {
    for (int i = 0; i < kDamagedWrites; ++i) written_.insert(i);
  }
  // What a damaged copy reads as; nothing where it says that it is damaged.
  std::optional<std::set<int>> read_with(const std::string& file, const std::string& wal,
                                         const std::string& what) {
    TempDir dir;
    auto subject = GetParam().make();
    std::ofstream(dir.file(subject->file()), std::ios::binary) << file;
    if (!wal.empty()) std::ofstream(dir.file(subject->file() + "-wal"), std::ios::binary) << wal;
    const auto opened = subject->open(dir.path());
    if (!opened) {
      EXPECT_EQ(opened.error().kind, ErrorKind::corrupt)
          << what << ": " << opened.error().to_string();
      return std::nullopt;
    }
    auto read = subject->read();
    if (read) return *read;
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt) << what << ": " << read.error().to_string();
    return std::nullopt;
  }

  TempDir dir_;
  std::unique_ptr<Subject> subject_ = GetParam().make();
  std::set<int> written_;
};

TEST_P(Damaged, AFlippedByteAnywhereIsFoundOrChangesNothing) {
  ASSERT_TRUE(subject_->open(dir_.path()));
  for (const int i : written_) ASSERT_TRUE(subject_->write(i));
  subject_->close();
  const auto whole = bytes_of(dir_.file(subject_->file()));
  int found = 0, harmless = 0;
  for (std::size_t at = 0; at < whole.size(); at += stride()) {
    auto damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
    const std::string what = "byte " + std::to_string(at);
    const auto read = read_with(damaged, {}, what);
    read ? ++harmless : ++found;
    if (read) {
      ASSERT_EQ(*read, written_) << what;
    }
  }
  EXPECT_GT(found, 0);
  RecordProperty("found", found);
  RecordProperty("harmless", harmless);
}

TEST_P(Damaged, AFileThatWasCutIsFound) {
  ASSERT_TRUE(subject_->open(dir_.path()));
  for (const int i : written_) ASSERT_TRUE(subject_->write(i));
  subject_->close();
  const auto whole = bytes_of(dir_.file(subject_->file()));
  for (std::size_t size = 1; size < whole.size(); size += 509) {
    const std::string what = "cut to " + std::to_string(size);
    const auto read = read_with(whole.substr(0, size), {}, what);
    if (read) {
      ASSERT_EQ(*read, written_) << what;
    }
  }
}

// Within the write-ahead log a damaged last transaction cannot be told from one that a crash tore:
// what is served is a state that there once was, and an earlier one only by the last transactions.
TEST_P(Damaged, AFlippedByteInTheLogAheadGivesAnEarlierStateOrIsFound) {
  ASSERT_TRUE(subject_->open(dir_.path()));
  for (const int i : written_) ASSERT_TRUE(subject_->write(i));
  const auto file = bytes_of(dir_.file(subject_->file())),
             wal = bytes_of(dir_.file(subject_->file() + "-wal"));
  subject_->close();
  ASSERT_FALSE(wal.empty());
  int found = 0;
  for (std::size_t at = 0; at < wal.size(); at += stride() * 23) {
    auto damaged = wal;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
    const auto read = read_with(file, damaged, "byte " + std::to_string(at));
    if (!read) ++found;
    if (!read) continue;
    // A prefix of what was written, by number.
    int next = 0;
    for (const int i : *read) ASSERT_EQ(i, next++) << "byte " << at;
    ASSERT_GE(read->size(), written_.size() - 2)
        << "byte " << at << ": more than the last went in silence";
  }
  EXPECT_GT(found, 0);
}

INSTANTIATE_TEST_SUITE_P(Sqlite, Damaged, kSubjects, [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace mesh::test
