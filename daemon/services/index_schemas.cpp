#include "daemon/services/index_schemas.h"

namespace mesh::services {

// Pages of lists are made of their items: api_schemas.cpp.
std::string_view index_schemas() {
  return R"json({
"Generation": {
  "type": "object",
  "description": "One generation of the user index.",
  "required": ["name", "number", "role", "serving", "vectors", "tenants", "bytes", "dimension",
    "embedder", "model", "lag", "state"],
  "properties": {
    "name": {"type": "string"},
    "number": {"type": "integer", "minimum": 1},
    "role": {
      "type": "string", "enum": ["serving", "building", "shadow", "previous"],
      "description": "A shadow follows the log to be compared; it goes when it is served or dropped."
    },
    "serving": {"type": "boolean"},
    "vectors": {"type": "integer", "format": "int64", "minimum": 0},
    "tenants": {"type": "integer", "format": "int64", "minimum": 0},
    "bytes": {"type": "integer", "format": "int64", "minimum": 0},
    "dimension": {"type": "integer", "minimum": 1},
    "embedder": {"type": "string", "description": "What it is fed and searched with."},
    "model": {
      "type": ["string", "null"],
      "description": "The folder of that embedder's model, on every process's machine."
    },
    "lag": {"type": "integer", "format": "int64", "minimum": 0},
    "state": {
      "type": "string", "description": "filling: it serves and is still built from the log."
    }
  },
  "examples": [{
    "name": "user-index-1", "number": 1, "role": "serving", "serving": true, "vectors": 1200,
    "tenants": 2, "bytes": 310000, "dimension": 256, "embedder": "hashing-v2/256", "model": null, "lag": 0,
    "state": "running"
  }]
},
"EventGeneration": {
  "type": "object",
  "description": "One generation of the index of events of a type.",
  "required": ["type", "name", "number", "role", "serving", "events", "tenants", "bytes", "dimension",
    "embedder", "model"],
  "properties": {
    "type": {"type": "string"},
    "name": {"type": "string"},
    "number": {"type": "integer", "minimum": 1},
    "role": {"type": "string", "enum": ["serving", "building", "previous"]},
    "serving": {"type": "boolean"},
    "events": {"type": "integer", "format": "int64", "minimum": 0},
    "tenants": {"type": "integer", "format": "int64", "minimum": 0},
    "bytes": {"type": "integer", "format": "int64", "minimum": 0},
    "dimension": {"type": "integer", "minimum": 1},
    "embedder": {"type": "string"},
    "model": {"type": ["string", "null"]}
  },
  "examples": [{
    "type": "analytics.recorded", "name": "analytics.recorded-1", "number": 1, "role": "serving",
    "serving": true, "events": 1200, "tenants": 2, "bytes": 310000, "dimension": 384,
    "embedder": "hashing-v2/384", "model": null
  }]
},
"EventType": {
  "type": "object",
  "required": ["type"],
  "properties": {"type": {"type": "string", "minLength": 1}},
  "additionalProperties": false,
  "examples": [{"type": "analytics.recorded"}]
},
"EventRebuild": {
  "type": "object",
  "required": ["type"],
  "properties": {
    "type": {"type": "string", "minLength": 1},
    "embedder": {"type": "string", "minLength": 1, "description": "hashing or static; the configured one without it."},
    "model": {"type": "string", "minLength": 1, "description": "The absolute folder of a static model."}
  },
  "additionalProperties": false,
  "examples": [{"type": "analytics.recorded"}]
},
"GenerationNumber": {
  "type": "object",
  "required": ["generation"],
  "properties": {"generation": {"type": "integer", "minimum": 1, "maximum": 1000000000}},
  "additionalProperties": false,
  "examples": [{"generation": 3}]
},
"Rebuild": {
  "type": "object",
  "properties": {
    "embedder": {
      "type": "string",
      "minLength": 1,
      "description": "hashing or static; the configured one without it."
    },
    "model": {
      "type": "string",
      "minLength": 1,
      "description": "The absolute folder of a static model, at the same place on the machine of every process that feeds or searches the index."
    },
    "shadow": {"type": "boolean", "default": false, "description": "Build it and do not serve it."},
    "dry_run": {"type": "boolean", "default": false, "description": "Say what it would be, start nothing."}
  },
  "additionalProperties": false,
  "examples": [{"embedder": "static", "model": "/var/lib/mesh/models/names", "shadow": true}]
},
"RebuildPlan": {
  "type": "object",
  "required": ["embedder", "dimension", "model", "shadow"],
  "properties": {
    "embedder": {"type": "string"},
    "dimension": {"type": "integer", "minimum": 1},
    "model": {"type": ["string", "null"]},
    "shadow": {"type": "boolean"}
  },
  "examples": [{"embedder": "static:0123456789abcdef/256", "dimension": 256,
    "model": "/var/lib/mesh/models/names", "shadow": true}]
},
"Compare": {
  "type": "object",
  "properties": {
    "generation": {
      "type": "integer", "minimum": 1,
      "description": "Which one beside the serving one; the shadow without it, or else the newest."
    },
    "tenant": {"$ref": "#/components/schemas/TenantId"},
    "queries": {
      "type": "array", "minItems": 1, "maxItems": 1000,
      "items": {"type": "string", "minLength": 1, "maxLength": 1000},
      "description": "Of `tenant`; without them, what this process was asked lately."
    },
    "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
  },
  "additionalProperties": false,
  "examples": [{"generation": 3, "tenant": "acme", "queries": ["ada", "lovelace"], "limit": 10}]
},
"ComparedGeneration": {
  "type": "object",
  "required": ["generation", "number", "embedder", "mean_score", "mean_ms", "p95_ms"],
  "properties": {
    "generation": {"type": "string"},
    "number": {"type": "integer", "minimum": 1},
    "embedder": {"type": "string"},
    "mean_score": {"type": ["number", "null"], "description": "Of all its hits."},
    "mean_ms": {"type": "number", "description": "Of a search, with the query's vector."},
    "p95_ms": {"type": "number"}
  }
},
"Comparison": {
  "type": "object",
  "required": ["serving", "other", "limit", "queries", "left_out", "overlap", "tau",
    "most_different"],
  "properties": {
    "serving": {"$ref": "#/components/schemas/ComparedGeneration"},
    "other": {"$ref": "#/components/schemas/ComparedGeneration"},
    "limit": {"type": "integer", "minimum": 1},
    "queries": {"type": "integer", "minimum": 0, "description": "That were asked."},
    "left_out": {"type": "integer", "minimum": 0, "description": "Failed, or not begun within 30 s."},
    "failure": {"type": "string", "description": "Why the first that failed did."},
    "overlap": {
      "type": ["number", "null"],
      "description": "Mean share of hits that both have, of the longer list: 0 to 1."
    },
    "tau": {
      "type": ["number", "null"],
      "description": "Mean of Kendall's tau over the order of the hits that both have: -1 to 1."
    },
    "most_different": {
      "type": "array", "maxItems": 5,
      "items": {
        "type": "object",
        "required": ["tenant", "query", "overlap", "tau", "serving", "other"],
        "properties": {
          "tenant": {"type": "string"},
          "query": {"type": "string"},
          "overlap": {"type": "number"},
          "tau": {"type": ["number", "null"]},
          "serving": {"type": "array", "items": {"$ref": "#/components/schemas/ComparedHit"}},
          "other": {"type": "array", "items": {"$ref": "#/components/schemas/ComparedHit"}}
        }
      }
    }
  },
  "examples": [{
    "serving": {"generation": "user_embeddings-2", "number": 2, "embedder": "hashing-v2/384",
      "mean_score": 0.41, "mean_ms": 0.3, "p95_ms": 0.6},
    "other": {"generation": "user_embeddings-3", "number": 3,
      "embedder": "static:0123456789abcdef/256", "mean_score": 0.58, "mean_ms": 0.2, "p95_ms": 0.4},
    "limit": 10, "queries": 120, "left_out": 0, "overlap": 0.82, "tau": 0.64,
    "most_different": [{"tenant": "acme", "query": "ada", "overlap": 0, "tau": null,
      "serving": [{"user_id": 7, "score": 0.61, "email": "ada@acme.dev", "name": "Ada Lovelace"}],
      "other": [{"user_id": 9, "score": 0.7, "email": "grace@acme.dev", "name": "Grace Hopper"}]}]
  }]
},
"ComparedHit": {
  "type": "object",
  "required": ["user_id", "score", "email", "name"],
  "properties": {
    "user_id": {"type": "integer", "format": "int64", "minimum": 1},
    "score": {"type": "number"},
    "email": {"type": "string"},
    "name": {"type": "string"}
  }
},
"VerifyReport": {
  "type": "object",
  "required": ["log_events", "expected", "found", "missing", "extra", "stale", "examples"],
  "properties": {
    "log_events": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Events of users that the log holds; 0: there is nothing to compare with."
    },
    "expected": {"type": "integer", "format": "int64", "minimum": 0},
    "found": {"type": "integer", "format": "int64", "minimum": 0},
    "missing": {"type": "integer", "format": "int64", "minimum": 0},
    "extra": {"type": "integer", "format": "int64", "minimum": 0},
    "stale": {"type": "integer", "format": "int64", "minimum": 0},
    "examples": {"type": "array", "maxItems": 20, "items": {"type": "string"}}
  },
  "examples": [{"log_events": 1250, "expected": 1200, "found": 1200, "missing": 0, "extra": 0,
    "stale": 0, "examples": []}]
}
})json";
}

}  // namespace mesh::services
