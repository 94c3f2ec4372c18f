#include "cli/import/json_rows.h"

#include "cli/import/json_reader.h"
#include "common/base/json.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

// "emails.0.value", the deepest of the known names, is three deep.
constexpr int kMaxRowDepth = 4;

// "/profile/email" is "profile.email".
std::string dotted(std::string path) {
  if (!path.starts_with('/')) return path;
  path.erase(0, 1);
  for (char& c : path) c = c == '/' ? '.' : c;
  return path;
}

ColumnChoice dotted(ColumnChoice choice) {
  choice.email = dotted(choice.email);
  for (auto& name : choice.name) name = dotted(name);
  return choice;
}

struct Texts {
  std::vector<std::string> paths, values;
};

// The texts of an object by their paths: "profile.email", "emails.0.value".
void collect(const Json& json, const std::string& prefix, int depth, Texts& texts) {
  if (json.is_string() && !prefix.empty()) {
    texts.paths.push_back(prefix);
    texts.values.push_back(json.get<std::string>());
  }
  if (depth == kMaxRowDepth || !json.is_structured()) return;
  const std::string before = prefix.empty() ? prefix : prefix + ".";
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) {
      if (name != kReasonColumn) collect(value, before + name, depth + 1, texts);
    }
  } else if (!json.empty()) {
    // The first of a list alone: "emails.0.value" is one of the known names (user_columns.cpp).
    collect(json.front(), before + "0", depth + 1, texts);
  }
}

class JsonRows final : public RowReader {
 public:
  JsonRows(LineReader& lines, const ColumnChoice& paths) : values_(lines), finder_(dotted(paths)) {}

  Result<std::optional<UserRow>> next() override {
    auto value = MESH_TRY(values_.next());
    if (!value) return std::nullopt;
    return UserRow{value->line, content(*value), std::move(value->text)};
  }

  std::string recognized() const override {
    std::string text = "JSON in " + values_.lines().input().encoding();
    return from_.empty() ? text : text + ", " + from_;
  }

  std::string failures_header() const override { return {}; }

  std::string failed_row(const UserRow& row, const std::string& reason) const override {
    Json failed{{kReasonColumn, "line " + std::to_string(row.line) + ": " + reason}};
    const auto json = parse_json(row.text);
    if (!json || !json->is_object()) {
      failed["row"] = row.text;
    } else if (!json->empty() && !json->contains(kReasonColumn)) {
      // The rest stays as it was written.
      std::string text = dump(failed);
      text.back() = ',';
      return text + row.text.substr(row.text.find('{') + 1) + "\n";
    } else {
      for (const auto& [name, value] : json->items()) {
        if (name != kReasonColumn) failed[name] = value;
      }
    }
    return dump(failed) + "\n";
  }

 private:
  std::variant<NewUser, BrokenRow> content(const JsonText& value) {
    if (!value.broken.empty()) return BrokenRow{value.broken};
    auto json = parse_json(value.text);
    if (!json) {
      const auto fault = utf8_fault(value.text, value.line);
      return BrokenRow{fault.empty() ? json.error().message : fault};
    }
    if (!json->is_object()) return BrokenRow{"not a JSON object"};
    Texts texts;
    collect(*json, {}, 0, texts);
    // For each object anew: objects of one file need not have the same members.
    auto columns = finder_.find(texts.paths);
    if (!columns) return BrokenRow{unknown(columns.error().message, texts, *json)};
    if (from_.empty()) from_ = described(*columns, texts.paths);
    auto user = user_of_fields(*columns, texts.values);
    if (!user) return BrokenRow{user.error().message};
    return std::move(*user);
  }

  std::string unknown(const std::string& why, const Texts& texts, const Json& json) {
    if (const auto list = list_of_users(json); !list.empty()) {
      return "an object with a list in \"" + list + "\": import its elements: jq '." + list +
             "[]' FILE | mesh users import - …";
    }
    return "of the texts " + (texts.paths.empty() ? "(there are none)" : quoted_list(texts.paths)) +
           ": " + why + "; --email-path and --name-path name them";
  }

  // Answers of list APIs hold their users in a member: {"users":[…]}.
  std::string list_of_users(const Json& object) {
    for (const auto& [name, value] : object.items()) {
      if (!value.is_array() || value.empty()) continue;
      Texts texts;
      collect(value.front(), {}, 0, texts);
      if (finder_.find(texts.paths)) return name;
    }
    return {};
  }

  static std::string described(const UserColumns& columns, const std::vector<std::string>& paths) {
    std::string text = "e-mail address from \"" + paths[columns.email] + "\", name from ";
    std::vector<std::string> parts;
    for (const auto part : columns.name) parts.push_back(paths[part]);
    return text + quoted_list(parts);
  }

  JsonReader values_;
  ColumnFinder finder_;
  std::string from_;  // by the first row that told
};

}  // namespace

std::unique_ptr<RowReader> make_json_reader(LineReader& lines, const ColumnChoice& paths) {
  return std::make_unique<JsonRows>(lines, paths);
}

}  // namespace mesh::cli
