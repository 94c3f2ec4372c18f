#include "daemon/services/record_schemas.h"

namespace mesh::services {

// What is missing here comes from the catalogue: api_schemas.cpp.
std::string_view record_schemas() {
  return R"json({
"NewRatePolicy": {
  "type": "object",
  "required": ["rate"],
  "properties": {
    "rate": {
      "type": "integer", "minimum": 1, "maximum": 1000000000,
      "description": "Units each `per`."
    },
    "per": {
      "allOf": [{"$ref": "#/components/schemas/Duration"}], "default": "1s",
      "description": "1ms to 366d."
    },
    "burst": {
      "type": "integer", "minimum": 0, "maximum": 1000000000,
      "description": "Units beyond the steady rate; without it those of one period at once."
    }
  },
  "additionalProperties": false,
  "examples": [{"rate": 500, "per": "1s", "burst": 1000}]
},
"RateLimit": {
  "type": "object",
  "description": "A limit and its state; where nothing limits, null from policy on.",
  "required": ["tenant", "scope", "policy", "source", "limit", "remaining", "reset_seconds"],
  "properties": {
    "tenant": {"$ref": "#/components/schemas/TenantId"},
    "scope": {"type": "string"},
    "policy": {"oneOf": [{"$ref": "#/components/schemas/RatePolicy"}, {"type": "null"}]},
    "source": {"type": "string", "enum": ["tenant", "default"]},
    "limit": {
      "type": ["integer", "null"], "format": "int64",
      "description": "What may come at once: burst + 1."
    },
    "remaining": {"type": ["integer", "null"], "format": "int64"},
    "reset_seconds": {"type": ["number", "null"]}
  },
  "examples": [{
    "tenant": "acme", "scope": "search", "policy": {"rate": 30, "per": "1m", "burst": 0},
    "source": "default", "limit": 1, "remaining": 1, "reset_seconds": 0
  }]
},
"NewRateLimits": {
  "type": "object",
  "description": "Policies by scope; null goes back to the default.",
  "properties": {
    "search": {"$ref": "#/components/schemas/PolicyOrDefault"},
    "publish": {"$ref": "#/components/schemas/PolicyOrDefault"},
    "users": {"$ref": "#/components/schemas/PolicyOrDefault"},
    "admin": {"$ref": "#/components/schemas/PolicyOrDefault"}
  },
  "additionalProperties": false
},
"PolicyOrDefault": {
  "oneOf": [{"$ref": "#/components/schemas/NewRatePolicy"}, {"type": "null"}]
},
"NewTenant": {
  "type": "object",
  "required": ["id"],
  "properties": {
    "id": {"$ref": "#/components/schemas/TenantId"},
    "name": {
      "type": "string", "minLength": 1, "maxLength": 200,
      "description": "At most 200 bytes; the id without it."
    },
    "allow_unknown_types": {
      "type": "boolean", "default": false,
      "description": "Whether events of types outside the catalogue are taken."
    },
    "rate_limits": {"$ref": "#/components/schemas/NewRateLimits"},
    "quotas": {"$ref": "#/components/schemas/NewQuotas"},
    "roles": {"$ref": "#/components/schemas/NewRoles"},
    "types": {"$ref": "#/components/schemas/NewTypes"},
    "search": {"$ref": "#/components/schemas/NewSearch"},
    "retention": {"$ref": "#/components/schemas/NewRetention"},
    "managed_by": {"$ref": "#/components/schemas/Owner"}
  },
  "additionalProperties": false,
  "examples": [{"id": "acme", "name": "Acme", "rate_limits": {"search": {"rate": 30, "per": "1m",
    "burst": 0}}}]
},
"TenantPatch": {
  "type": "object",
  "description": "What is to change; the rest stays, as do policies of scopes that are not named.",
  "properties": {
    "name": {
      "type": "string", "minLength": 1, "maxLength": 200, "description": "At most 200 bytes."
    },
    "allow_unknown_types": {"type": "boolean"},
    "rate_limits": {"$ref": "#/components/schemas/NewRateLimits"},
    "quotas": {"$ref": "#/components/schemas/NewQuotas"},
    "roles": {"$ref": "#/components/schemas/NewRoles"},
    "types": {"$ref": "#/components/schemas/NewTypes"},
    "search": {"$ref": "#/components/schemas/NewSearch"},
    "retention": {"$ref": "#/components/schemas/NewRetention"},
    "managed_by": {"$ref": "#/components/schemas/Owner"}
  },
  "additionalProperties": false,
  "examples": [{"allow_unknown_types": true}]
},
"TenantRecord": {
  "type": "object",
  "description": "All that is said of the tenant.",
  "properties": {
    "name": {
      "type": "string", "minLength": 1, "maxLength": 200,
      "description": "At most 200 bytes; the id without it."
    },
    "allow_unknown_types": {"type": "boolean", "default": false},
    "rate_limits": {"$ref": "#/components/schemas/NewRateLimits"},
    "quotas": {"$ref": "#/components/schemas/NewQuotas"},
    "roles": {"$ref": "#/components/schemas/NewRoles"},
    "types": {"$ref": "#/components/schemas/NewTypes"},
    "search": {"$ref": "#/components/schemas/NewSearch"},
    "retention": {"$ref": "#/components/schemas/NewRetention"},
    "managed_by": {"$ref": "#/components/schemas/Owner"}
  },
  "additionalProperties": false,
  "examples": [{"name": "Acme", "quotas": {"events_per_day": 100000}}]
},
"TenantRetention": {
  "type": "string",
  "description": "How old the tenant's activity may become, at least 1h. Refused where the log is Kafka.",
  "minLength": 2,
  "examples": ["7d"]
},
"NewSearch": {
  "type": "object",
  "description": "What of events is searchable, by type: of the tenant's own types, or of the catalogue's activities in the place of what holds for all tenants. All that there is then.",
  "additionalProperties": {"$ref": "#/components/schemas/Searchable"},
  "examples": [{"order.placed": {"text": "{title} {lines.*}", "fields": {"total": "number"}}}]
},
"Searchable": {
  "type": "object",
  "required": ["text"],
  "properties": {
    "text": {
      "type": "string", "minLength": 3, "maxLength": 1024,
      "description": "Text with places of the data in braces, as {title} or {address.city}; * is every text below; {{ is a brace."
    },
    "fields": {
      "type": "object", "maxProperties": 16,
      "description": "What filters may ask for, by path: text compared as it is, or a number.",
      "additionalProperties": {"enum": ["keyword", "number"]}
    },
    "open": {
      "type": "string", "minLength": 1, "maxLength": 256,
      "description": "The path of a member below which every text and number is a field."
    }
  },
  "additionalProperties": false,
  "examples": [{"text": "{title}", "fields": {"country": "keyword"}, "open": "attributes"}]
},
"NewRetention": {
  "description": "null for log.retention alone.",
  "oneOf": [{"$ref": "#/components/schemas/TenantRetention"}, {"type": "null"}]
},
"NewQuotas": {
  "type": "object",
  "description": "Bounds of what is used in a day or a month (UTC); null takes one away, those that are not named stay.",
  "properties": {
    "events_per_day": {"$ref": "#/components/schemas/QuotaOrNone"},
    "bytes_per_day": {"$ref": "#/components/schemas/QuotaOrNone"},
    "stored_users": {"$ref": "#/components/schemas/QuotaOrNone"},
    "embedding_tokens_per_month": {"$ref": "#/components/schemas/QuotaOrNone"},
    "chat_tokens_per_day": {"$ref": "#/components/schemas/QuotaOrNone"}
  },
  "additionalProperties": false
},
"QuotaOrNone": {
  "type": ["integer", "null"], "format": "int64", "minimum": 0, "maximum": 9007199254740992
},
"NewRoles": {
  "type": "object",
  "description": "What users of the tenant may do with its credentials: a reader looks and changes nothing, a publisher publishes events and sees what became of them, a writer may do all. Users that are not named stay as they are.",
  "properties": {
    "default": {
      "$ref": "#/components/schemas/RoleOrNone",
      "description": "Of users that are not named; null: writer."
    },
    "users": {
      "type": "object",
      "description": "By the token's user, at most 1,000; null: the default.",
      "maxProperties": 1000,
      "propertyNames": {"minLength": 1, "maxLength": 255, "pattern": "^[^\\u0000-\\u001f\\u007f]+$"},
      "additionalProperties": {"$ref": "#/components/schemas/RoleOrNone"}
    }
  },
  "additionalProperties": false,
  "examples": [{"default": "reader", "users": {"ada": "writer", "ingest-bot": "publisher"}}]
},
"RoleOrNone": {"type": ["string", "null"], "enum": ["reader", "publisher", "writer", null]},
"QuotaState": {
  "type": "object",
  "required": ["quota", "limit", "used", "ends"],
  "properties": {
    "quota": {
      "type": "string",
      "enum": ["events_per_day", "bytes_per_day", "stored_users", "embedding_tokens_per_month", "chat_tokens_per_day"]
    },
    "limit": {"type": "integer", "format": "int64", "minimum": 0},
    "used": {"type": "integer", "format": "int64", "minimum": 0},
    "ends": {
      "type": ["string", "null"], "format": "date-time",
      "description": "When the period is over; null where there is none."
    }
  },
  "examples": [{
    "quota": "events_per_day", "limit": 100000, "used": 1200, "ends": "2026-11-22T00:00:00.000Z"
  }]
},
"NewTypes": {
  "type": "object",
  "description": "All own event types, at most 64: the JSON Schema of each.",
  "maxProperties": 64,
  "propertyNames": {"minLength": 3, "maxLength": 200},
  "additionalProperties": {"$ref": "#/components/schemas/TypeSchema"}
},
"TypeSchema": {
  "type": "object",
  "description": "A JSON Schema of draft 7 with the keywords that docs/api.md lists, at most 16 KiB.",
  "examples": [{
    "type": "object", "required": ["order_id"],
    "properties": {"order_id": {"type": "string", "minLength": 1, "maxLength": 64}}
  }]
},
"OwnType": {
  "type": "object",
  "required": ["type", "topic", "schema"],
  "properties": {
    "type": {"type": "string"},
    "topic": {"type": "string", "description": "Where its events go."},
    "schema": {"type": "object"}
  },
  "examples": [{
    "type": "order.placed", "topic": "order.events", "schema": {"type": "object"}
  }]
},
"RegisteredType": {
  "type": "object",
  "required": ["type", "topic", "schema", "outcome", "dry_run"],
  "properties": {
    "type": {"type": "string"},
    "topic": {"type": "string"},
    "schema": {"type": "object"},
    "outcome": {"type": "string", "enum": ["registered", "changed", "unchanged"]},
    "dry_run": {"type": "boolean"}
  },
  "examples": [{
    "type": "order.placed", "topic": "order.events", "schema": {"type": "object"},
    "outcome": "registered", "dry_run": false
  }]
},
"Owner": {
  "type": "string",
  "pattern": "^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)?$",
  "description": "Whose files say what the record is; `mesh apply --prune` removes its owner's records alone."
}
})json";
}

}  // namespace mesh::services
