#include "common/models/safetensors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "common/base/fd.h"
#include "common/base/json.h"
#include "common/models/files.h"

namespace mesh::models {
namespace {

constexpr std::size_t kLengthBytes = 8;
// Of the JSON: some hundred thousand tensors, more than any model has that is read here.
constexpr std::uint64_t kMaxHeaderBytes = 16 << 20;
constexpr const char* kMetadata = "__metadata__";

// 0 for a dtype that is none of the format's, or whose elements are no whole bytes.
std::int64_t bytes_of(std::string_view dtype) {
  struct Size {
    std::string_view dtype;
    std::int64_t bytes;
  };
  static constexpr Size kSizes[] = {{"BOOL", 1},    {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1},
                                    {"F8_E4M3", 1}, {"U16", 2}, {"I16", 2}, {"F16", 2},
                                    {"BF16", 2},    {"U32", 4}, {"I32", 4}, {"F32", 4},
                                    {"U64", 8},     {"I64", 8}, {"F64", 8}};
  const auto* found = std::ranges::find(kSizes, dtype, &Size::dtype);
  return found == std::end(kSizes) ? 0 : found->bytes;
}

// Nothing where a size is negative or the product is beyond 63 bits.
std::optional<std::int64_t> product(const std::vector<std::int64_t>& shape, std::int64_t factor) {
  for (const std::int64_t size : shape) {
    if (size < 0 || __builtin_mul_overflow(factor, size, &factor)) return std::nullopt;
  }
  return factor;
}

tl::unexpected<Error> broken_file(const std::string& path, const std::string& what) {
  return fail(ErrorKind::invalid, path + " is no file of tensors (safetensors), or damaged: " +
                                      what + "; write it anew or name another one");
}

// The bytes of a number that the host has the way the format does, which is little endian.
static_assert(std::endian::native == std::endian::little);

struct Range {
  std::int64_t begin;
  std::int64_t end;
  const std::string* name;
};

Result<std::int64_t> offset_of(const std::string& path, const std::string& name,
                               const Json& number) {
  // Unsigned ones beyond 63 bits would be negative.
  if (!number.is_number_integer() || number.get<std::int64_t>() < 0) {
    return broken_file(path, "\"" + name + "\" has a size or an offset that is no whole number");
  }
  return number.get<std::int64_t>();
}

// What the header says of one tensor; `bytes` are those of the file behind the header.
Result<Tensor> tensor_of(const std::string& path, const std::string& name, const Json& entry,
                         std::span<const std::byte> bytes, Range& range) {
  const auto refuse = [&](const std::string& what) {
    return broken_file(path, "\"" + name + "\" " + what);
  };
  if (!entry.is_object()) return refuse("is not described by an object");
  for (const auto& member : entry.items()) {
    if (member.key() != "dtype" && member.key() != "shape" && member.key() != "data_offsets") {
      return refuse("has the unknown member \"" + member.key() + "\"");
    }
  }
  const auto dtype = entry.find("dtype"), shape = entry.find("shape"),
             offsets = entry.find("data_offsets");
  if (dtype == entry.end() || !dtype->is_string()) return refuse("has no dtype");
  if (shape == entry.end() || !shape->is_array()) return refuse("has no shape");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2) {
    return refuse("has no two data_offsets");
  }
  Tensor tensor;
  tensor.dtype = dtype->get<std::string>();
  for (const auto& size : *shape) {
    tensor.shape.push_back(MESH_TRY(offset_of(path, name, size)));
  }
  range.begin = MESH_TRY(offset_of(path, name, (*offsets)[0]));
  range.end = MESH_TRY(offset_of(path, name, (*offsets)[1]));
  range.name = &name;
  if (range.begin > range.end || static_cast<std::uint64_t>(range.end) > bytes.size()) {
    return refuse("lies at " + std::to_string(range.begin) + " to " + std::to_string(range.end) +
                  " of " + std::to_string(bytes.size()) + " bytes");
  }
  const std::int64_t element = bytes_of(tensor.dtype);
  if (element == 0) {
    return fail(ErrorKind::unprocessable, path + ": \"" + name + "\" has dtype \"" + tensor.dtype +
                                              "\", which this program does not know: convert the "
                                              "model to F32 or F16");
  }
  const auto size = product(tensor.shape, element);
  if (!size || *size != range.end - range.begin) {
    return refuse("has " + std::to_string(range.end - range.begin) +
                  " bytes, which is not what its shape and dtype take");
  }
  tensor.bytes = bytes.subspan(static_cast<std::size_t>(range.begin),
                               static_cast<std::size_t>(range.end - range.begin));
  return tensor;
}

Status check_metadata(const std::string& path, const Json& metadata) {
  const bool texts =
      metadata.is_object() &&
      std::all_of(metadata.begin(), metadata.end(), [](const Json& v) { return v.is_string(); });
  if (!texts) return broken_file(path, "its __metadata__ is no object of texts");
  return {};
}

// Every byte behind the header is of exactly one tensor.
Status check_ranges(const std::string& path, std::vector<Range> ranges, std::size_t size) {
  std::ranges::sort(ranges, [](const Range& a, const Range& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::int64_t end = 0;
  for (const Range& range : ranges) {
    if (range.begin != end) {
      return broken_file(path, "\"" + *range.name + "\" begins at byte " +
                                   std::to_string(range.begin) +
                                   " where the one before it ends at " + std::to_string(end));
    }
    end = range.end;
  }
  if (static_cast<std::uint64_t>(end) != size) {
    return broken_file(path, std::to_string(size - static_cast<std::uint64_t>(end)) +
                                 " bytes at its end are of no tensor");
  }
  return {};
}

Result<std::span<const std::byte>> map_file(const std::string& path) {
  // A pipe is not waited for, to which nobody may ever write.
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat about {};
  if (!file || ::fstat(file.get(), &about) != 0) return file_error("read", path);
  if (!S_ISREG(about.st_mode)) {
    return fail(ErrorKind::invalid, path + " is no regular file: name a file of tensors");
  }
  const auto size = static_cast<std::size_t>(about.st_size);
  if (size < kLengthBytes) return broken_file(path, "it is shorter than eight bytes");
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (bytes == MAP_FAILED) return file_error("map", path);
  return std::span(static_cast<const std::byte*>(bytes), size);
}

// An element as it stands in the file, at any alignment.
template <typename T>
T element_at(const std::byte* from, std::size_t i) {
  T value;
  std::memcpy(&value, from + i * sizeof(T), sizeof(T));
  return value;
}

// IEEE 754 binary16 by arithmetic without branches, which a compiler makes vectors of: exponent and
// fraction are moved to where binary32 has them, and a product puts the exponent's bias right, of
// subnormal numbers too.
float half_to_float(std::uint16_t half) {
  const std::uint32_t magnitude = (half & 0x7fffu) << 13;
  const float value = std::bit_cast<float>(magnitude) * 0x1p112f;
  const std::uint32_t special = magnitude >= (0x7c00u << 13) ? 0x7f800000u : 0u;
  const std::uint32_t sign = (half & 0x8000u) << 16;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | special | sign);
}

float bfloat_to_float(std::uint16_t brain) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(brain) << 16);
}

template <typename T, typename Convert>
void convert(const std::byte* from, std::span<float> out, Convert to_float) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = to_float(element_at<T>(from, i));
}

}  // namespace

std::int64_t Tensor::elements() const {
  // Its size fits, since its bytes do; but one without bytes may have any sizes beside a 0.
  return bytes.empty() ? 0 : product(shape, 1).value_or(0);
}

Result<std::shared_ptr<const Safetensors>> Safetensors::open(const std::string& path) {
  const std::shared_ptr<Safetensors> opened(new Safetensors);
  opened->path_ = path;
  opened->file_ = MESH_TRY(map_file(path));
  const auto file = opened->file_;
  const auto length = element_at<std::uint64_t>(file.data(), 0);
  constexpr std::string_view kPointer = "version https://git-lfs";
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (text.starts_with(kPointer)) {
    return broken_file(path,
                       "it is a pointer of Git LFS, which `git lfs pull` fetches the file of");
  }
  if (length > kMaxHeaderBytes || length > file.size() - kLengthBytes) {
    return broken_file(path, "its header would have " + std::to_string(length) + " bytes");
  }
  const auto* const header = reinterpret_cast<const char*>(file.data()) + kLengthBytes;
  if (length == 0 || *header != '{') return broken_file(path, "its header is no JSON object");
  const auto bytes = file.subspan(kLengthBytes + static_cast<std::size_t>(length));
  auto json = parse_json({header, static_cast<std::size_t>(length)},
                         {.max_depth = 4, .max_bytes = kMaxHeaderBytes});
  if (!json) return broken_file(path, json.error().message);

  std::vector<Range> ranges;
  ranges.reserve(json->size());
  for (const auto& entry : json->get_ref<const Json::object_t&>()) {
    if (entry.first == kMetadata) {
      MESH_TRY(check_metadata(path, entry.second));
      continue;
    }
    Range range{};
    auto tensor = MESH_TRY(tensor_of(path, entry.first, entry.second, bytes, range));
    ranges.push_back(range);
    opened->tensors_.emplace(entry.first, std::move(tensor));
  }
  MESH_TRY(check_ranges(path, std::move(ranges), bytes.size()));
  return opened;
}

Safetensors::~Safetensors() {
  if (!file_.empty()) ::munmap(const_cast<std::byte*>(file_.data()), file_.size());
}

const Tensor* Safetensors::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? nullptr : &found->second;
}

Status read_floats(const Tensor& tensor, std::int64_t from, std::span<float> out) {
  const std::int64_t elements = tensor.elements();
  if (from < 0 || from > elements || out.size() > static_cast<std::uint64_t>(elements - from)) {
    return fail(ErrorKind::invalid, "elements " + std::to_string(from) + " to " +
                                        std::to_string(from) + " + " + std::to_string(out.size()) +
                                        " of a tensor that has " + std::to_string(elements));
  }
  const auto* const first = tensor.bytes.data() + from * bytes_of(tensor.dtype);
  if (tensor.dtype == "F32") {
    if (!out.empty()) std::memcpy(out.data(), first, out.size_bytes());
  } else if (tensor.dtype == "F16") {
    convert<std::uint16_t>(first, out, half_to_float);
  } else if (tensor.dtype == "BF16") {
    convert<std::uint16_t>(first, out, bfloat_to_float);
  } else if (tensor.dtype == "I8") {
    convert<std::int8_t>(first, out, [](std::int8_t v) { return static_cast<float>(v); });
  } else if (tensor.dtype == "F64") {
    convert<double>(first, out, [](double v) { return static_cast<float>(v); });
  } else {
    return fail(ErrorKind::invalid, "a tensor of dtype \"" + tensor.dtype +
                                        "\" is not read as numbers: it has to be F32, F16, BF16, "
                                        "F64 or I8");
  }
  return {};
}

Status write_safetensors(const std::string& path, const std::vector<NewTensor>& tensors) {
  // The widest first, so that each is aligned.
  std::vector<const NewTensor*> order;
  for (const auto& tensor : tensors) order.push_back(&tensor);
  std::ranges::stable_sort(order, std::greater{},
                           [](const NewTensor* tensor) { return bytes_of(tensor->dtype); });
  Json header = Json::object();
  std::vector<std::string_view> parts(1);
  std::int64_t end = 0;
  for (const NewTensor* tensor : order) {
    const std::int64_t element = bytes_of(tensor->dtype);
    const auto size = product(tensor->shape, element);
    if (element == 0 || !size || static_cast<std::uint64_t>(*size) != tensor->bytes.size()) {
      return fail(ErrorKind::invalid, "tensor \"" + tensor->name + "\" of " +
                                          std::to_string(tensor->bytes.size()) +
                                          " bytes has another shape, or dtype, than these");
    }
    if (tensor->name == kMetadata || header.contains(tensor->name)) {
      return fail(ErrorKind::invalid, "tensor \"" + tensor->name + "\" cannot have this name");
    }
    header[tensor->name] = {
        {"dtype", tensor->dtype}, {"shape", tensor->shape}, {"data_offsets", {end, end + *size}}};
    parts.push_back(tensor->bytes);
    end += *size;
  }
  std::string text = dump(header);
  text.resize((text.size() + kLengthBytes - 1) / kLengthBytes * kLengthBytes, ' ');
  const std::uint64_t length = text.size();
  text.insert(0, reinterpret_cast<const char*>(&length), sizeof length);
  parts.front() = text;
  return write_whole(path, parts);
}

}  // namespace mesh::models
