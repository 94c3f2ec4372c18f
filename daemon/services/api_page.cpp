#include "daemon/services/api_page.h"

#include "common/base/strings.h"

namespace mesh::services {
namespace {

constexpr const char* kHead = R"(<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>
body{font:16px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}
code,pre{font-size:.9em}pre{background:#f6f6f6;padding:.6rem;overflow-x:auto}
section{border-top:2px solid #ccc;margin-top:1.5rem}small{color:#555}
</style>
)";

// Descriptions hold `<tenant>` and the like, which a browser would take for tags.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string text_of(const Json& object, const char* member) {
  return escaped(object.value(member, ""));
}

class Page {
 public:
  explicit Page(const Json& description) : all_(description) {}

  // <li>, <td>, <th> and <tr> have no end tags: HTML lets them be left out.
  std::string make() {
    const Json& info = all_.at("info");
    html_ += kHead;
    html_ += "<title>" + text_of(info, "title") + "</title><h1>" + text_of(info, "title") +
             " <small>" + text_of(info, "version") + "</small></h1><p>" +
             text_of(info, "description") +
             " Machine-readable: <a href=\"/openapi.json\">/openapi.json</a></p>\n";
    for (const auto& tag : all_.at("tags")) {
      html_ +=
          "<h2>" + text_of(tag, "name") + "</h2><p>" + text_of(tag, "description") + "</p><ul>";
      each_of(tag.at("name"), [&](const auto& method, const auto& path, const Json& operation) {
        html_ += "<li><a href=\"#" + text_of(operation, "operationId") + "\"><code>" + method +
                 " " + path + "</code></a> " + text_of(operation, "summary");
      });
      html_ += "</ul>\n";
    }
    for (const auto& tag : all_.at("tags")) {
      each_of(tag.at("name"), [&](const auto& method, const auto& path, const Json& operation) {
        show(method, path, operation);
      });
    }
    show_common();
    html_ += "<h2>Schemas</h2>\n";
    for (const auto& [name, schema] : all_.at("components").at("schemas").items()) {
      html_ += "<h3 id=\"schema-" + escaped(name) + "\">" + escaped(name) + "</h3><pre>" +
               escaped(dump(schema, 2)) + "</pre>\n";
    }
    return std::move(html_) + "</html>\n";
  }

 private:
  template <typename Use>
  void each_of(const std::string& tag, const Use& use) {
    for (const auto& [path, operations] : all_.at("paths").items()) {
      for (const auto& [method, operation] : operations.items()) {
        // OpenAPI has methods in lower case; people know them in capitals.
        std::string name = method;
        for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        if (operation.at("tags").at(0) == tag) use(name, escaped(path), operation);
      }
    }
  }

  const Json& resolved(const Json& json) const {
    // A JSON pointer is the reference without its #.
    const auto it = json.find("$ref");
    return it == json.end()
               ? json
               : all_.at(Json::json_pointer(it->template get_ref<const std::string&>().substr(1)));
  }

  // A schema in a few words: its name, or its type and bounds.
  static std::string brief(const Json& schema) {
    if (const auto it = schema.find("$ref"); it != schema.end()) {
      const auto& ref = it->get_ref<const std::string&>();
      const auto name = escaped(ref.substr(ref.rfind('/') + 1));
      return "<a href=\"#schema-" + name + "\">" + name + "</a>";
    }
    if (const auto it = schema.find("allOf"); it != schema.end()) {
      return brief(it->at(0)) + rest_of(schema, {"allOf"});
    }
    if (const auto it = schema.find("items"); it != schema.end()) {
      return "array of " + brief(*it) + rest_of(schema, {"type", "items"});
    }
    const auto type = schema.find("type");
    const std::string name = type == schema.end() ? "any" : escaped(dump(*type));
    return (type != schema.end() && type->is_string() ? text_of(schema, "type") : name) +
           rest_of(schema, {"type", "description"});
  }
  static std::string rest_of(const Json& schema, std::initializer_list<std::string_view> without) {
    std::string text;
    for (const auto& [name, value] : schema.items()) {
      if (std::ranges::find(without, name) == without.end()) {
        text += ", " + escaped(name) + " <code>" + escaped(dump(value)) + "</code>";
      }
    }
    return text;
  }

  std::string bodies(const Json& content) const {
    std::string text;
    for (const auto& [media, body] : content.items()) {
      text += "<br><code>" + escaped(media) + "</code>: " + brief(body.at("schema"));
      const Json& schema = resolved(body.at("schema"));
      if (const auto it = schema.find("examples"); it != schema.end()) {
        text += "<pre>" +
                escaped(it->at(0).is_string() ? it->at(0).get<std::string>() : dump(it->at(0), 2)) +
                "</pre>";
      }
    }
    return text;
  }

  static std::string credentials(const Json& operation) {
    const auto any = operation.find("security");
    if (any == operation.end()) return "none";
    std::string text;
    for (const auto& one : *any) {
      text += (text.empty() ? "" : ", or ") +
              (one.empty() ? std::string("none") : escaped(one.items().begin().key()));
    }
    return text;
  }

  void show(const std::string& method, const std::string& path, const Json& operation) {
    html_ += "<section id=\"" + text_of(operation, "operationId") + "\"><h3><code>" + method + " " +
             path + "</code></h3><p>" + text_of(operation, "summary") + ". " +
             text_of(operation, "description") + "</p><p><small>" +
             text_of(operation, "operationId") + "; credential: " + credentials(operation) +
             "</small></p><table><tr><th>Parameter<th>Where<th>What\n";
    std::string common;
    for (const auto& given : operation.at("parameters")) {
      const Json& parameter = resolved(given);
      // The same object: it was no reference, so it is this operation's own.
      if (&parameter == &given) {
        html_ += row_of(parameter);
      } else {
        common += " <a href=\"#common\"><code>" + text_of(parameter, "name") + "</code></a>";
      }
    }
    if (!common.empty()) html_ += "<tr><td colspan=3>" + common;
    html_ += "</table>";
    if (const auto body = operation.find("requestBody"); body != operation.end()) {
      html_ += std::string("<p>Body") + (body->value("required", false) ? "" : " (optional)") +
               bodies(body->at("content")) + "</p>";
    }
    html_ += "<table><tr><th>Status<th>What<th>Header fields\n";
    std::string problems;
    for (const auto& [status, answer] : operation.at("responses").items()) {
      if (answer.contains("$ref")) {
        problems += " <a href=\"#common\">" + status + "</a>";
        continue;
      }
      html_ += "<tr><td>" + status + "<td>" + text_of(answer, "description");
      Json content = answer.value("content", Json::object());
      content.erase("application/problem+json");
      html_ += bodies(content) + "<td>";
      for (const auto& [name, header] : answer.at("headers").items()) {
        html_ += "<code>" + escaped(name) + "</code> ";
      }
      html_ += "\n";
    }
    html_ += "<tr><td>" + problems + "<td>problems<td></table></section>\n";
  }

  static std::string row_of(const Json& parameter) {
    return "<tr><td><code>" + text_of(parameter, "name") + "</code><td>" +
           text_of(parameter, "in") + (parameter.value("required", false) ? ", required" : "") +
           "<td>" + text_of(parameter, "description") + " <small>" + brief(parameter.at("schema")) +
           "</small>\n";
  }

  void show_common() {
    const Json& components = all_.at("components");
    html_ += "<h2 id=\"common\">Of many operations</h2><table><tr><th>Parameter<th>Where<th>What\n";
    for (const auto& parameter : components.at("parameters")) html_ += row_of(parameter);
    html_ += "</table><table><tr><th>Problem<th>What\n";
    for (const auto& problem : components.at("responses").items()) {
      const auto digits = problem.key().substr(problem.key().find_first_of("0123456789"));
      html_ += "<tr><td>" + digits + "<td>" + text_of(problem.value(), "description") + "\n";
    }
    html_ += "</table>\n";
  }

  const Json& all_;
  std::string html_;
};

}  // namespace

std::string api_page(const Json& description) { return Page(description).make(); }

}  // namespace mesh::services
