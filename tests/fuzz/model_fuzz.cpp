// The files of a model: a tokenizer where the input begins with '{', else a file of tensors.
#include <sys/mman.h>
#include <unistd.h>

#include <vector>

#include "common/base/fd.h"
#include "common/models/safetensors.h"
#include "common/models/word_piece.h"
#include "tests/fuzz/fuzz.h"

namespace {

using namespace mesh;
using namespace mesh::fuzz;

void read_tensors(std::string_view bytes) {
  const Fd file(::memfd_create("model", MFD_CLOEXEC));
  holds(::write(file.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()),
        "memory takes the input");
  const auto opened = models::Safetensors::open("/proc/self/fd/" + std::to_string(file.get()));
  if (!opened) {
    holds(opened.error().kind == ErrorKind::invalid ||
              opened.error().kind == ErrorKind::unprocessable,
          "what is no file of tensors is told");
    return;
  }
  const auto whole = (*opened)->file();
  std::size_t sum = 0;
  for (const auto& [name, tensor] : (*opened)->tensors()) {
    holds(tensor.bytes.data() >= whole.data() &&
              tensor.bytes.data() + tensor.bytes.size() <= whole.data() + whole.size(),
          "a tensor lies in its file");
    sum += tensor.bytes.size();
    std::vector<float> numbers(static_cast<std::size_t>(tensor.elements()));
    (void)models::read_floats(tensor, 0, numbers);
    numbers.push_back(0);
    holds(!models::read_floats(tensor, 0, numbers), "nothing is read behind a tensor");
  }
  holds(sum + 8 <= whole.size(), "no byte is of two tensors");
}

void read_tokenizer(std::string_view text) {
  const auto words = models::WordPiece::parse(text);
  if (!words) return;
  holds(words->unknown() >= 0 && static_cast<std::size_t>(words->unknown()) < words->size(),
        "the unknown token is one of the tokens");
  std::vector<std::int32_t> ids, fewer;
  words->encode(text, 1000, ids);
  for (const std::int32_t id : ids) {
    holds(id >= 0 && static_cast<std::size_t>(id) < words->size(), "an id is of a token");
  }
  const std::size_t limit = Choices(text).size(ids.size() + 1);
  words->encode(text, limit, fewer);
  holds(fewer.size() == std::min(limit, ids.size()) &&
            std::equal(fewer.begin(), fewer.end(), ids.begin()),
        "a limit cuts and changes nothing");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = text_of(data, size);
  if (input.starts_with('{')) {
    read_tokenizer(input);
  } else {
    read_tensors(input);
  }
  return 0;
}
