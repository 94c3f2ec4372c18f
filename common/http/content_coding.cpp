#include "common/http/content_coding.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "common/base/strings.h"
#include "common/http/syntax.h"

namespace mesh::http {
namespace {

constexpr std::size_t kStep = 64 << 10;
constexpr int kLargestWindow = 23;  // 8 MiB, what RFC 9659 allows for HTTP

// What a step of a decoder did.
struct Step {
  std::size_t read = 0;
  std::size_t made = 0;
  bool broken = false;
  bool ended = false;  // a member or frame
};

class Gzip {
 public:
  Gzip() { usable_ = inflateInit2(&stream_, kGzipOnly) == Z_OK; }
  ~Gzip() {
    if (usable_) inflateEnd(&stream_);
  }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  Step decode(std::string_view in, char* out, std::size_t room) {
    if (!usable_) return {0, 0, true, false};
    // zlib counts in 32 bits.
    const std::size_t offered = std::min<std::size_t>(in.size(), 1 << 30);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(offered);
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    const Step step{offered - stream_.avail_in, room - stream_.avail_out,
                    result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR,
                    result == Z_STREAM_END};
    // For the next member: gzip files may be put one behind the other (RFC 1952, 2.2).
    if (step.ended) inflateReset(&stream_);
    return step;
  }

 private:
  static constexpr int kGzipOnly = 16 + MAX_WBITS;
  z_stream stream_{};
  bool usable_ = false;
};

class Zstd {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {
    // A frame may ask for a window of gigabytes, which would be memory that no account knows.
    if (context_) ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kLargestWindow);
  }

  Step decode(std::string_view in, char* out, std::size_t room) {
    if (!context_) return {0, 0, true, false};
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const std::size_t left = ZSTD_decompressStream(context_.get(), &output, &input);
    return {input.pos, output.pos, ZSTD_isError(left) != 0, left == 0};
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
};

template <typename Decoder>
Decoded decode_with(std::string_view encoded, const std::function<bool(std::size_t)>& keep,
                    std::string& body) {
  Decoder decoder;
  bool ended = false;
  std::size_t size = 0;
  // A body may be several members or frames in a row, and must not end within one.
  while (!encoded.empty() || !ended) {
    body.resize(size + kStep);
    const Step step = decoder.decode(encoded, body.data() + size, kStep);
    encoded.remove_prefix(step.read);
    size += step.made;
    ended = step.ended;
    // Input that ends within a member gives neither bytes nor an error, and the loop would not end.
    const bool stuck = step.read == 0 && step.made == 0 && !ended;
    if (step.broken || stuck) return Decoded::broken;
    if (step.made > 0 && !keep(size)) return Decoded::refused;
  }
  body.resize(size);
  return Decoded::ok;
}

}  // namespace

std::optional<ContentCoding> parse_content_coding(std::string_view field) {
  const auto name = trim(field);
  if (equal_ignore_case(name, "identity")) return ContentCoding::identity;
  if (equal_ignore_case(name, "gzip") || equal_ignore_case(name, "x-gzip")) {
    return ContentCoding::gzip;
  }
  if (equal_ignore_case(name, "zstd")) return ContentCoding::zstd;
  return std::nullopt;
}

Decoded decode_content(ContentCoding coding, std::string_view encoded,
                       const std::function<bool(std::size_t)>& keep, std::string& body) {
  body.clear();
  switch (coding) {
    case ContentCoding::gzip:
      return decode_with<Gzip>(encoded, keep, body);
    case ContentCoding::zstd:
      return decode_with<Zstd>(encoded, keep, body);
    case ContentCoding::identity:
      break;
  }
  body = encoded;
  return Decoded::ok;
}

}  // namespace mesh::http
