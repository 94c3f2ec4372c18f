#include "daemon/services/overview_schemas.h"

namespace mesh::services {

std::string_view overview_schemas() {
  return R"json({
"Overview": {
  "type": "object",
  "description": "The mesh at a glance.",
  "required": ["version", "member", "started_at", "sample", "history", "attention", "engines"],
  "properties": {
    "version": {"type": "string", "description": "Of the process that answers."},
    "member": {"type": "string", "description": "The process that answers, by its id."},
    "started_at": {"type": "string", "format": "date-time"},
    "sample": {"$ref": "#/components/schemas/OverviewSample"},
    "history": {"$ref": "#/components/schemas/OverviewHistory"},
    "attention": {
      "type": "array", "items": {"$ref": "#/components/schemas/Attention"},
      "description": "What to look at, what is critical first; the same state gives the same list."
    },
    "engines": {
      "type": "array", "items": {"$ref": "#/components/schemas/Check"},
      "description": "The checks of `mesh check` but those of pipelines, made every 10 s; none before the first have answered."
    }
  }
},
"OverviewSample": {
  "type": "object",
  "description": "What the mesh does at an instant. Null is what could not be looked at.",
  "required": ["time", "period", "events", "searches", "requests", "errors", "search_p50",
    "search_p99", "publish_p99", "lag", "lag_seconds", "parked", "outbox", "dead_letters",
    "streams", "groups", "topics", "tasks"],
  "properties": {
    "time": {"type": "string", "format": "date-time"},
    "period": {
      "type": "number", "minimum": 0,
      "description": "Over how many seconds it was counted; 0: the first since the start, which has no rates."
    },
    "events": {"type": ["number", "null"], "minimum": 0, "description": "Tenants' and users' events a second that came into the log."},
    "searches": {"type": ["number", "null"], "minimum": 0, "description": "Searches a second."},
    "requests": {"type": ["number", "null"], "minimum": 0, "description": "Requests of tenants a second."},
    "errors": {"type": ["number", "null"], "minimum": 0, "description": "Those of them a second that were answered with 5xx."},
    "search_p50": {"type": ["number", "null"], "minimum": 0, "description": "Seconds; null where nothing was searched."},
    "search_p99": {"type": ["number", "null"], "minimum": 0, "description": "Likewise."},
    "publish_p99": {"type": ["number", "null"], "minimum": 0, "description": "Seconds; null where nothing was published."},
    "lag": {
      "type": ["integer", "null"], "format": "int64", "minimum": 0,
      "description": "Events that groups have not committed, of all together."
    },
    "lag_seconds": {
      "type": ["number", "null"], "minimum": 0,
      "description": "The age of the oldest event that a group has not processed."
    },
    "parked": {
      "type": ["integer", "null"], "format": "int64", "minimum": 0,
      "description": "Events that wait for another attempt."
    },
    "outbox": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Committed events that wait for the log."
    },
    "dead_letters": {
      "type": ["integer", "null"], "format": "int64", "minimum": 0,
      "description": "That are not settled; null also while they are counted, after a start."
    },
    "streams": {
      "type": "integer", "minimum": 0, "description": "Open streams of events of the process."
    },
    "groups": {
      "type": "array", "items": {"$ref": "#/components/schemas/OverviewGroup"},
      "description": "The consumer groups of the mesh, by name."
    },
    "topics": {
      "type": "object",
      "additionalProperties": {"type": "integer", "format": "int64", "minimum": 0},
      "description": "The sum of the ends of each topic's partitions: another number once something was appended."
    },
    "tasks": {
      "type": "object",
      "required": ["running", "changed"],
      "properties": {
        "running": {"type": "integer", "minimum": 0},
        "changed": {
          "type": "string",
          "description": "Another text once a task came, began, went on or ended."
        }
      }
    }
  },
  "examples": [{
    "time": "2026-11-21T08:32:00.123Z", "period": 2.0, "events": 120.5, "searches": 8.0,
    "requests": 140.0, "errors": 0.0, "search_p50": 0.0016, "search_p99": 0.0072,
    "publish_p99": 0.0041, "lag": 12, "lag_seconds": 0.4, "parked": 0, "outbox": 0,
    "dead_letters": 3, "streams": 1,
    "groups": [{"group": "analytics", "lag": 12, "lag_seconds": 0.4, "parked": 0,
      "breaker": "closed", "state": "running"}],
    "topics": {"analytics.events": 40012}, "tasks": {"running": 0, "changed": "1844674407370955"}
  }]
},
"OverviewGroup": {
  "type": "object",
  "required": ["group", "lag", "lag_seconds", "parked", "breaker", "state"],
  "properties": {
    "group": {"type": "string"},
    "lag": {"type": "integer", "format": "int64", "minimum": 0, "description": "Events."},
    "lag_seconds": {"type": "number", "minimum": 0},
    "parked": {"type": "integer", "format": "int64", "minimum": 0},
    "breaker": {
      "type": "string", "enum": ["closed", "open", "half_open"],
      "description": "Of the pipeline, where it runs in the process that answers."
    },
    "state": {"type": "string", "description": "As GET /admin/v1/groups says it."}
  }
},
"OverviewHistory": {
  "type": "object",
  "description": "The last hour, a point every 10 s at most, by columns: the same number of values in each, the oldest first. Null is what was not measured, as a latency where nothing was asked.",
  "required": ["time", "series"],
  "properties": {
    "time": {
      "type": "array", "maxItems": 360,
      "items": {"type": "integer", "format": "int64"},
      "description": "Milliseconds since 1970."
    },
    "series": {
      "type": "object",
      "required": ["events", "searches", "requests", "errors", "search_p50", "search_p99",
        "publish_p99", "lag", "dead_letters", "outbox"],
      "properties": {
        "events": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "A second."},
        "searches": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "A second."},
        "requests": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "A second."},
        "errors": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "A second."},
        "search_p50": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "Seconds."},
        "search_p99": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "Seconds."},
        "publish_p99": {"type": "array", "maxItems": 360, "items": {"type": ["number", "null"], "minimum": 0}, "description": "Seconds."},
        "lag": {"type": "array", "maxItems": 360, "items": {"type": ["integer", "null"], "minimum": 0}, "description": "Events."},
        "dead_letters": {"type": "array", "maxItems": 360, "items": {"type": ["integer", "null"], "minimum": 0}, "description": "Letters."},
        "outbox": {"type": "array", "maxItems": 360, "items": {"type": ["integer", "null"], "minimum": 0}, "description": "Events."}
      }
    }
  }
},
"Attention": {
  "type": "object",
  "description": "Something that an operator should look at.",
  "required": ["severity", "what", "why", "page", "next"],
  "properties": {
    "severity": {"type": "string", "enum": ["critical", "warning"]},
    "what": {"type": "string", "description": "The same while it lasts."},
    "why": {"type": "string", "description": "With numbers, as they are now."},
    "page": {"type": "string", "pattern": "^#/", "description": "Of the console."},
    "next": {"type": "string", "pattern": "^mesh ", "description": "What to run next."}
  },
  "examples": [{
    "severity": "critical", "what": "nothing reads with the group analytics",
    "why": "1200 events behind, the oldest 5m old; no process of the role pipelines has it",
    "page": "#/pipelines/analytics", "next": "mesh members"
  }]
}
})json";
}

}  // namespace mesh::services
