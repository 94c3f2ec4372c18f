#include "daemon/services/api_patterns.h"

#include <algorithm>

#include "common/domain/catalogue.h"

namespace mesh::services {
namespace {

// RFC 3339, with the days that a month has.
std::string date_time() {
  const std::string month_and_day =
      "(([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
      "|02-(0[1-9]|1[0-9]|2[0-8])))|[0-9]{2}(0[48]|[2468][048]|[13579][26])-02-29)";
  const std::string time = "([01][0-9]|2[0-3]):[0-5][0-9]";
  return month_and_day + "T" + time + ":[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]" + time + ")";
}

// Few digits a unit: what they add up to stays below 366 days, which a pattern cannot compute.
// Days of three digits stand alone.
std::string duration_that_has(const std::string& part) {
  return "^(?=.*" + part +
         ")(([0-9]w)?([0-9]{1,2}d)?([0-9]{1,3}h)?([0-9]{1,4}m)?([0-9]{1,5}s)?"
         "([0-9]{1,8}ms)?|([12][0-9]{2}|3[0-5][0-9]|36[0-6])d)$";
}

// Of one byte in UTF-8.
std::string controls() { return "\\u0000-\\u001f\\u007f"; }

}  // namespace

std::string duration_pattern() { return duration_that_has("[1-9]"); }

// Not as many minutes as make an hour, which a pattern cannot compute either.
std::string retention_pattern() { return duration_that_has("[1-9][0-9]*[wdh]"); }

std::string bound_pattern() {
  const std::string before =
      "-(?=[0-9])([0-9]{1,2}w)?([0-9]{1,3}d)?([0-9]{1,4}h)?([0-9]{1,5}m)?([0-9]{1,6}s)?";
  // Any 18 digits fit into 64 bits.
  return "^(start|end|[0-9]{1,18}|@?" + before + "|@" + date_time() + ")$";
}

std::string user_name_pattern() {
  const std::string refused =
      "\\u0000-\\u0008\\u000a-\\u001f\\u007f-\\u009f\\u2028-\\u202e\\u2066-\\u2069";
  const std::string unseen =
      "\\u0009\\u0020\\u00a0\\u00ad\\u034f\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u0890\\u0891\\u08e2"
      "\\u115f\\u1160\\u1680\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u202f\\u205f-\\u206f"
      "\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb";
  const std::string any = "[^" + refused + "]*";
  return "^" + any + "[^" + refused + unseen + "]" + any + "$";
}

std::string base64_pattern() {
  // The last digit before the padding has no bits of a further byte.
  return "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
}

std::string no_nul_pattern() { return "^[^\\u0000]*$"; }

std::string no_control_pattern() { return "^[^" + controls() + "]*$"; }

std::string json_media_pattern() {
  return "^[^;" + controls() + "]*[/+][jJ][sS][oO][nN] *(;[^" + controls() + "]*)?$";
}

std::string other_type_pattern() {
  std::string closed, typed;
  for (const auto& topic : topics()) {
    const auto publishable = [&](const auto& type) {
      return type.topic == topic.name && type.publishable;
    };
    if (std::ranges::any_of(event_types(), publishable)) continue;
    closed += (closed.empty() ? "" : "|") + std::string(topic.name.substr(0, topic.name.find('.')));
  }
  for (const auto& type : event_types()) {
    if (!type.publishable) continue;
    std::string name(type.type);
    // The dot of a type is no wildcard; those that clients may publish have one.
    name.insert(name.find('.'), "\\");
    typed += (typed.empty() ? "" : "|") + name;
  }
  return "^(?!(" + closed + ")\\.)(?!(" + typed + ")$)[a-z0-9_-]+(\\.[a-z0-9_-]+)+$";
}

}  // namespace mesh::services
