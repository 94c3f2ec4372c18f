// A task of kind redrive as the server shows it.
#pragma once

#include "common/base/json.h"

namespace mesh::cli {

inline Json redrive_task(const std::string& state, int done, int died_again, int pending,
                         const std::string& summary = {}) {
  return {{"id", "t1"},
          {"kind", "redrive"},
          {"state", state},
          {"spec", {{"topic", "user.events.dlq"}}},
          {"progress", {{"done", done + died_again}, {"total", done + died_again + pending}}},
          {"result",
           {{"redriven", done + died_again + pending},
            {"done", done},
            {"died_again", died_again},
            {"pending", pending},
            {"superseded", 0},
            {"skipped", 0}}},
          {"summary", summary},
          {"error", ""},
          {"started_by", "operator"},
          {"created_at", "2026-01-01T00:00:00Z"},
          {"started_at", "2026-01-01T00:00:01Z"},
          {"finished_at", "2026-01-01T00:01:31Z"}};
}

}  // namespace mesh::cli
