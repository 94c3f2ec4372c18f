#include "daemon/services/admin_schemas.h"

namespace mesh::services {

// What is missing here comes from the catalogue, and pages of lists are made of their items:
// api_schemas.cpp.
std::string_view admin_schemas() {
  return R"json({
"Replay": {
  "type": "object",
  "required": ["topic"],
  "properties": {
    "topic": {"type": "string", "minLength": 1},
    "pipeline": {
      "type": "string", "minLength": 1,
      "description": "user-index, analytics, chemical or metering; the one that follows the topic without it."
    },
    "from": {"$ref": "#/components/schemas/Bound"},
    "to": {"$ref": "#/components/schemas/Bound"},
    "tenant": {"$ref": "#/components/schemas/TenantId"},
    "type": {"type": "string", "minLength": 1},
    "partition": {"type": "integer", "minimum": 0, "maximum": 1000000},
    "dry_run": {"type": "boolean", "default": false, "description": "Only estimate."}
  },
  "examples": [{"topic": "user.events", "from": "@-1h", "dry_run": true}]
},
"ReplayEstimate": {
  "type": "object",
  "required": ["scanned", "matching", "by_type", "by_tenant", "seconds", "first", "last"],
  "properties": {
    "scanned": {"type": "integer", "format": "int64", "minimum": 0},
    "matching": {"type": "integer", "format": "int64", "minimum": 0},
    "by_type": {"type": "object", "additionalProperties": {"type": "integer"}},
    "by_tenant": {"type": "object", "additionalProperties": {"type": "integer"}},
    "seconds": {"type": "number", "minimum": 0},
    "first": {"type": ["string", "null"], "format": "date-time"},
    "last": {"type": ["string", "null"], "format": "date-time"}
  },
  "examples": [{
    "scanned": 1200, "matching": 40, "by_type": {"user.created": 40}, "by_tenant": {"acme": 40},
    "seconds": 0.2, "first": "2026-11-21T08:32:00.123Z", "last": "2026-11-21T09:32:00.123Z"
  }]
},
"Backup": {
  "type": "object",
  "required": ["path"],
  "properties": {
    "path": {
      "type": "string", "pattern": "^/[^\\u0000]*$",
      "description": "An absolute folder on meshd's machine, new or empty."
    }
  },
  "additionalProperties": false,
  "examples": [{"path": "/var/backups/mesh-2026-11-21"}]
},
"TenantPurge": {
  "type": "object",
  "properties": {
    "subject": {
      "type": "string", "minLength": 1,
      "description": "One user alone: the id, as it is the subject of the user's events."
    },
    "dry_run": {"type": "boolean", "default": false, "description": "Only count."}
  },
  "additionalProperties": false,
  "examples": [{"dry_run": true}]
},
"SignedReceipt": {
  "type": "object",
  "description": "What a purge's task gives as `result.receipt`.",
  "required": ["receipt", "signature"],
  "properties": {
    "receipt": {"$ref": "#/components/schemas/Receipt"},
    "signature": {
      "type": "string", "minLength": 1,
      "description": "A JWS with a detached payload (RFC 7515, appendix F; EdDSA): the receipt as compact JSON, its members sorted."
    }
  },
  "additionalProperties": false
},
"Receipt": {
  "type": "object",
  "description": "What a purge erased, and what remains and why.",
  "required": ["target"],
  "properties": {
    "target": {
      "type": "object",
      "required": ["tenant"],
      "properties": {
        "tenant": {"$ref": "#/components/schemas/TenantId"},
        "subject": {"type": "string", "minLength": 1}
      }
    }
  },
  "examples": [{
    "version": 1, "mesh_version": "0.1.0", "target": {"tenant": "acme"},
    "task": "0199a1c4-7b1e-7c59-8d0a-3f6b9c1d2e4f", "started_by": "operator",
    "began": "2026-11-21T08:32:00.123Z", "ended": "2026-11-21T08:33:10.456Z",
    "erased": [{"place": "store/users", "count": 12}],
    "remains": [{"place": "store/usage", "count": 3, "why": "totals of what was billed"}],
    "backups": "not reached: copies made before 2026-11-21T08:33:10.456Z keep the data",
    "counted_again": [{"place": "store/users", "count": 0}]
  }]
},
"Task": {
  "type": "object",
  "description": "Long work that an operator started.",
  "required": ["id", "kind", "state", "spec", "progress", "result", "summary", "error",
    "started_by", "created_at", "started_at", "finished_at"],
  "properties": {
    "id": {"type": "string"},
    "kind": {"type": "string", "description": "replay, rebuild, redrive, purge, backup, seek, erasure, import or export."},
    "state": {"type": "string"},
    "spec": {"type": "object", "description": "What was asked; depends on the kind."},
    "progress": {"$ref": "#/components/schemas/Progress"},
    "result": {
      "type": ["object", "null"],
      "description": "Counts and findings, filled as it goes; depends on the kind."
    },
    "summary": {
      "type": "string", "description": "How far it is or what came of it, in words for people."
    },
    "error": {"type": "string", "description": "Why it failed."},
    "started_by": {
      "type": "string",
      "description": "Who asked for it, as the audit log names him; meshd: the mesh itself."
    },
    "created_at": {"type": ["string", "null"], "format": "date-time"},
    "started_at": {"type": ["string", "null"], "format": "date-time"},
    "finished_at": {"type": ["string", "null"], "format": "date-time"}
  },
  "examples": [{
    "id": "0199a1c4-7b1e-7c59-8d0a-3f6b9c1d2e4f", "kind": "rebuild", "state": "running",
    "spec": {},
    "progress": {"done": 400, "total": 1200, "rate": 50.0, "remaining_seconds": 16},
    "result": null, "summary": "at 33%", "error": "", "started_by": "operator",
    "created_at": "2026-11-21T08:32:00.123Z", "started_at": "2026-11-21T08:32:00.130Z",
    "finished_at": null
  }]
},
"ClientTask": {
  "type": "object",
  "required": ["kind"],
  "properties": {
    "kind": {"enum": ["import", "export"]},
    "spec": {
      "type": "object",
      "description": "What is done, for people; with `tenant` the task is one of that tenant's."
    }
  },
  "additionalProperties": false,
  "examples": [{"kind": "import", "spec": {"tenant": "acme", "file": "users.csv"}}]
},
"ClientTaskReport": {
  "type": "object",
  "properties": {
    "done": {"type": "integer", "format": "int64", "minimum": 0, "default": 0},
    "total": {
      "type": "integer", "format": "int64", "minimum": 0, "default": 0,
      "description": "An estimate; 0: not known."
    },
    "result": {
      "type": "object",
      "description": "Counts: of an import created, updated, existing and failed, of an export records."
    }
  },
  "additionalProperties": false,
  "examples": [{"done": 500, "total": 1200, "result": {"created": 497, "failed": 3}}]
},
"ClientTaskOrder": {
  "type": "object",
  "required": ["cancel"],
  "properties": {
    "cancel": {"type": "boolean", "description": "The task was cancelled: stop, and end it."}
  },
  "examples": [{"cancel": false}]
},
"ClientTaskEnd": {
  "type": "object",
  "required": ["state"],
  "properties": {
    "state": {"enum": ["done", "failed", "cancelled"]},
    "done": {"type": "integer", "format": "int64", "minimum": 0, "default": 0},
    "total": {"type": "integer", "format": "int64", "minimum": 0, "default": 0},
    "result": {"type": "object", "description": "Counts, as of a report."},
    "error": {
      "type": "string", "minLength": 1, "description": "Why it failed; of no other end."
    }
  },
  "if": {"properties": {"state": {"const": "failed"}}},
  "then": {"required": ["error"]},
  "else": {"properties": {"error": false}},
  "additionalProperties": false,
  "examples": [{"state": "done", "done": 1200, "total": 1200, "result": {"created": 1200}}]
},
"Progress": {
  "type": "object",
  "required": ["done", "total"],
  "properties": {
    "done": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Events, bytes of a backup, or rows of an import."
    },
    "total": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "An estimate; 0: not known."
    },
    "rate": {
      "type": ["number", "null"], "minimum": 0,
      "description": "Units done in a second since the start; null: not known."
    },
    "remaining_seconds": {
      "type": ["number", "null"], "minimum": 0,
      "description": "At that rate; null where it is not known, or nothing runs."
    }
  }
},
"Member": {
  "type": "object",
  "description": "A process.",
  "required": ["id", "roles", "addresses", "version", "since", "seen", "feeds", "leases"],
  "properties": {
    "id": {"type": "string", "description": "Its host, and which of its starts."},
    "roles": {"type": "array", "items": {"type": "string"}},
    "addresses": {
      "type": "array", "items": {"type": "string"},
      "description": "Where its roles listen: `admin 127.0.0.1:9090`."
    },
    "version": {"type": "string"},
    "since": {"type": "string", "format": "date-time"},
    "seen": {"type": "string", "format": "date-time", "description": "Its last sign of life."},
    "feeds": {
      "type": "array", "items": {"type": "string"},
      "description": "The consumer groups that it is a member of."
    },
    "leases": {
      "type": "array", "items": {"type": "string"},
      "description": "What only it does now: `relay` moves events to the log, `generations` keeps those of the index."
    }
  },
  "examples": [{
    "id": "mesh-0-5b3f9a1c", "roles": ["admin", "pipelines"],
    "addresses": ["admin 10.0.0.7:9090"], "version": "0.1.0",
    "since": "2026-11-21T08:32:00.123Z", "seen": "2026-11-21T08:40:05.001Z",
    "feeds": ["analytics", "chemical", "user-index-1"], "leases": ["relay"]
  }]
},
"Usage": {
  "type": "object",
  "required": ["window_seconds", "sort", "tenants"],
  "properties": {
    "window_seconds": {"type": "integer", "minimum": 1, "maximum": 60},
    "sort": {"type": "string"},
    "tenants": {"type": "array", "items": {"$ref": "#/components/schemas/TenantUsage"}}
  },
  "examples": [{"window_seconds": 10, "sort": "events", "tenants": [
    {"tenant": "acme", "requests": 20, "rejected": 0, "events": 100, "bytes": 20000,
     "searches": 4, "search_ms": 2.5, "queued_ms": 0.1, "processed": 100, "stage_ms": 3.5,
     "tokens": 900}
  ]}]
},
"TenantUsage": {
  "type": "object",
  "required": ["tenant", "requests", "rejected", "events", "bytes", "searches", "search_ms",
    "queued_ms", "processed", "stage_ms", "tokens"],
  "properties": {
    "tenant": {"type": "string", "description": "(others) stands for those beyond 10,000."},
    "requests": {"type": "integer", "format": "int64", "minimum": 0},
    "rejected": {"type": "integer", "format": "int64", "minimum": 0},
    "events": {"type": "integer", "format": "int64", "minimum": 0},
    "bytes": {"type": "integer", "format": "int64", "minimum": 0},
    "searches": {"type": "integer", "format": "int64", "minimum": 0},
    "search_ms": {"type": "number", "minimum": 0},
    "queued_ms": {"type": "number", "minimum": 0},
    "processed": {"type": "integer", "format": "int64", "minimum": 0},
    "stage_ms": {"type": "number", "minimum": 0},
    "tokens": {"type": "integer", "format": "int64", "minimum": 0}
  }
},
"UsageTotals": {
  "type": "object",
  "required": ["by", "since", "until", "items"],
  "properties": {
    "by": {"type": "string", "enum": ["minute", "hour", "day", "kind"]},
    "since": {"type": "string", "format": "date-time", "description": "When the first minute, hour or day began."},
    "until": {"type": "string", "format": "date-time"},
    "items": {
      "type": "array",
      "items": {"anyOf": [{"$ref": "#/components/schemas/UsageOfTime"}, {"$ref": "#/components/schemas/UsageOfKind"}]}
    }
  },
  "examples": [{"by": "day", "since": "2026-11-21T00:00:00.000Z", "until": "2026-11-21T08:32:00.123Z", "items": [
    {"tenant": "acme", "start": "2026-11-21T00:00:00.000Z", "events": 1200, "bytes": 240000,
     "searches": 40, "embedding_tokens": 900, "chat_tokens": 0, "stored_users": 310,
     "stored_bytes": 96000, "chat_cost": 0}
  ]}]
},
"UsageOfTime": {
  "type": "object",
  "required": ["tenant", "start", "events", "bytes", "searches", "embedding_tokens", "chat_tokens", "stored_users", "stored_bytes", "chat_cost"],
  "properties": {
    "tenant": {"$ref": "#/components/schemas/TenantId"},
    "start": {"type": "string", "format": "date-time", "description": "When the minute, hour or day began."},
    "events": {"type": "integer", "format": "int64", "minimum": 0, "description": "Acknowledged as durable: published, or of changed users."},
    "bytes": {"type": "integer", "format": "int64", "minimum": 0, "description": "The bodies that they came in."},
    "searches": {"type": "integer", "format": "int64", "minimum": 0},
    "embedding_tokens": {"type": "integer", "format": "int64", "minimum": 0, "description": "Paid for at the embedder's server."},
    "chat_tokens": {"type": "integer", "format": "int64", "minimum": 0, "description": "Paid for at the extractor's server."},
    "stored_users": {"type": "integer", "format": "int64", "minimum": 0, "description": "The most that were found, once an hour."},
    "stored_bytes": {"type": "integer", "format": "int64", "minimum": 0, "description": "The texts of users and events; the most that were found, once an hour."},
    "chat_cost": {"type": "integer", "format": "int64", "minimum": 0, "description": "What chat_tokens cost, in millionths of the currency of extractor.price; 0 where no price is known."}
  }
},
"UsageOfKind": {
  "type": "object",
  "required": ["tenant", "kind", "amount"],
  "properties": {
    "tenant": {"$ref": "#/components/schemas/TenantId"},
    "kind": {"type": "string", "enum": ["events", "bytes", "searches", "embedding_tokens", "chat_tokens", "stored_users", "stored_bytes", "chat_cost"]},
    "amount": {"type": "integer", "format": "int64", "minimum": 0}
  }
},
"Config": {
  "type": "object",
  "description": "As the configuration file has it, with all defaults."
},
"Setting": {
  "type": "object",
  "required": ["key", "value", "default", "origin", "where", "variables", "description", "reload", "pending"],
  "properties": {
    "key": {"type": "string", "description": "As messages name it."},
    "value": {"description": "What runs; secrets are masked."},
    "default": {"description": "What it would be if nothing said otherwise."},
    "origin": {"type": "string", "enum": ["default", "file", "environment", "flag"],
      "description": "Where the value comes from; `environment`: the file names variables for it, of which one at least is set."},
    "where": {"type": ["string", "null"], "description": "File and line, or the flag; null of a default."},
    "variables": {
      "type": "array",
      "description": "Those that the file names for the value.",
      "items": {
        "type": "object",
        "required": ["name", "set"],
        "properties": {
          "name": {"type": "string"},
          "set": {"type": "boolean", "description": "false: not set or empty, so that the file's own default counts."}
        }
      }
    },
    "description": {"type": "string"},
    "reload": {"type": "boolean", "description": "Whether SIGHUP takes a new value over, without a restart."},
    "pending": {
      "type": ["object", "null"],
      "description": "What the next start would take, as the configuration was last read; null where that is what runs.",
      "required": ["value", "where"],
      "properties": {
        "value": {"description": "Secrets are masked."},
        "where": {"type": ["string", "null"]}
      }
    }
  },
  "examples": [{"key": "http.max_body", "value": "2MiB", "default": "1MiB", "origin": "file",
    "where": "/etc/mesh/meshd.yaml:12", "variables": [],
    "description": "Largest body of a request; beyond it: 413.", "reload": false, "pending": null}]
},
"Checks": {
  "type": "object",
  "required": ["checks"],
  "properties": {
    "checks": {"type": "array", "items": {"$ref": "#/components/schemas/Check"}}
  },
  "examples": [{"checks": [{"name": "outbox", "ok": true, "warning": false,
    "detail": "0 events wait for the log"}]}]
},
"ServerFinding": {
  "type": "object",
  "required": ["server", "about", "ok", "detail", "advice"],
  "properties": {
    "server": {"type": "string", "examples": ["postgres"]},
    "about": {"type": "string", "examples": ["version", "permissions", "settings", "clock"]},
    "ok": {"type": "boolean"},
    "detail": {"type": "string"},
    "advice": {"type": "string", "description": "What to change; empty where it is in order."}
  }
},
"LogLine": {
  "type": "object",
  "required": ["time", "level", "message"],
  "properties": {
    "time": {"type": "string", "format": "date-time"},
    "level": {"type": "string", "examples": ["info"]},
    "message": {"type": "string"}
  },
  "additionalProperties": true,
  "description": "Further members are the fields of the message."
},
"Check": {
  "type": "object",
  "required": ["name", "ok", "warning", "detail"],
  "properties": {
    "name": {"type": "string"},
    "ok": {"type": "boolean"},
    "warning": {"type": "boolean", "description": "In order, but worth knowing."},
    "detail": {"type": "string"}
  }
}
})json";
}

}  // namespace mesh::services
