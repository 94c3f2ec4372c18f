#include "cli/render/record_format.h"

#include "cli/render/view.h"
#include "cli/render/width.h"
#include "common/domain/record_json.h"

namespace mesh::cli {
namespace {

constexpr std::string_view kVerbs = "tpokvTyieh";
constexpr std::string_view kKnown =
    "known are %t topic, %p partition, %o offset, %k key, %v value, %T time, %y type, %i id, "
    "%e tenant, %h headers, %%";

// The data as it lies in the log; JSON of several lines on one.
std::string value_text(const Json& record) {
  const Json& value = at_path(record, "value");
  // null where the data cannot stand in "value"; its bytes are then in "value_base64".
  if (value.is_null()) {
    const auto data = data_of(record, "value", content_type_of(record));
    return data && *data ? **data : dump(value);
  }
  return value.is_string() ? value.get<std::string>() : dump(value);
}

std::string text_of(const Json& record, char verb) {
  const auto member = [&](std::string_view path) -> std::string {
    const Json& value = at_path(record, path);
    return value.is_null() ? std::string{} : plain_text(value);
  };
  switch (verb) {
    case 't':
      return member("topic");
    case 'p':
      return member("partition");
    case 'o':
      return member("offset");
    case 'k':
      return member("key");
    case 'T':
      return member("time");
    case 'y':
      return member("type");
    case 'i':
      return member("id");
    case 'e':
      return member("tenant");
    case 'v':
      return value_text(record);
    default:
      break;
  }
  std::string headers;
  for (const auto& [name, value] : at_path(record, "headers").items()) {
    if (!headers.empty()) headers += ',';
    headers += name + "=" + plain_text(value);
  }
  return headers;
}

}  // namespace

Result<RecordFormat> RecordFormat::parse(std::string_view text) {
  RecordFormat format;
  const auto literal = [&](char c) {
    if (format.pieces_.empty() || format.pieces_.back().verb != 0) format.pieces_.push_back({});
    format.pieces_.back().literal += c;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '%' && c != '\\') {
      literal(c);
      continue;
    }
    if (++i == text.size()) {
      return fail(ErrorKind::invalid, std::string("the format ends with a lone ") + c);
    }
    const char next = text[i];
    if (c == '%') {
      if (next == '%') {
        literal('%');
      } else if (kVerbs.find(next) != kVerbs.npos) {
        format.pieces_.push_back({next, {}});
      } else {
        return fail(ErrorKind::invalid, "%" + std::string(1, next) + " at position " +
                                            std::to_string(i) + " of the format is unknown; " +
                                            std::string(kKnown));
      }
    } else {
      switch (next) {
        case 'n':
          literal('\n');
          break;
        case 't':
          literal('\t');
          break;
        case 'r':
          literal('\r');
          break;
        case '\\':
          literal('\\');
          break;
        default:
          return fail(ErrorKind::invalid,
                      "\\" + std::string(1, next) + " at position " + std::to_string(i) +
                          " of the format is unknown; known are \\n \\t \\r \\\\");
      }
    }
  }
  return format;
}

std::string RecordFormat::apply(const Json& record, bool safe) const {
  std::string out;
  for (const Piece& piece : pieces_) {
    if (piece.verb == 0) {
      out += piece.literal;
    } else {
      const std::string text = text_of(record, piece.verb);
      out += safe ? printable(text) : text;
    }
  }
  return out;
}

}  // namespace mesh::cli
