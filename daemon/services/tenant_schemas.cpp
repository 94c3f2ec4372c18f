#include "daemon/services/tenant_schemas.h"

namespace mesh::services {

// What is missing here comes from the catalogue: api_schemas.cpp.
std::string_view tenant_schemas() {
  return R"json({
"Problem": {
  "type": "object",
  "description": "What went wrong, as RFC 9457 has it.",
  "required": ["type", "title", "status", "detail", "instance", "request_id"],
  "properties": {
    "type": {"type": "string", "description": "`urn:problem-type:mesh:uncertain` where it may be done, as a whole or in part, though it failed (503); quota-exceeded of the IANA registry for 429; else about:blank: the status says it all."},
    "title": {"type": "string", "description": "The status in words."},
    "status": {"type": "integer", "minimum": 400, "maximum": 599},
    "detail": {"type": "string", "description": "What was wrong, where, and what to do."},
    "instance": {"type": "string", "description": "The path of the request."},
    "request_id": {"type": "string", "description": "As in X-Request-Id; the log names it too."},
    "errors": {
      "type": "array",
      "description": "Of 422: each offence.",
      "items": {"$ref": "#/components/schemas/FieldError"}
    },
    "violated-policies": {
      "type": "array",
      "description": "Of 429: the scope whose rate limit, or the quota, that is used up.",
      "items": {"type": "string"}
    },
    "limit": {"type": "integer", "format": "int64", "description": "Of a quota that is used up."},
    "ends": {
      "type": "string", "format": "date-time",
      "description": "Of a quota that is used up: when its period is over. A level has none."
    }
  },
  "examples": [{
    "type": "about:blank", "title": "Unprocessable Content", "status": 422,
    "detail": "the user is not valid", "instance": "/users/create",
    "request_id": "5f0c9be1a2d4-000000000007",
    "errors": [{"pointer": "/email", "detail": "must have exactly one @"}]
  }]
},
"FieldError": {
  "type": "object",
  "required": ["pointer", "detail"],
  "properties": {
    "pointer": {"type": "string", "description": "A JSON pointer into the body."},
    "detail": {"type": "string"}
  }
},
"Health": {
  "type": "object",
  "required": ["status", "service", "version"],
  "properties": {
    "status": {"type": "string"},
    "service": {"type": "string", "description": "The name of the service of this listener."},
    "version": {"type": "string"}
  },
  "examples": [{"status": "ok", "service": "user-service", "version": "0.1.0"}]
},
"TenantId": {
  "type": "string",
  "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
  "examples": ["acme"]
},
"Duration": {
  "type": "string",
  "description": "A span of time such as 90s or 1h30m; units are ms, s, m, h, d and w.",
  "minLength": 2,
  "examples": ["1m"]
},
"NoMembers": {
  "type": "object",
  "additionalProperties": false
},
"NewUser": {
  "type": "object",
  "required": ["email", "name"],
  "properties": {
    "email": {"$ref": "#/components/schemas/EmailAddress"},
    "name": {"$ref": "#/components/schemas/UserName"},
    "tenantId": {"$ref": "#/components/schemas/OwnTenantId"},
    "tenant_id": {"$ref": "#/components/schemas/OwnTenantId"}
  },
  "additionalProperties": false,
  "examples": [{"email": "ada@acme.dev", "name": "Ada Lovelace"}]
},
"EmailAddress": {
  "type": "string", "format": "idn-email", "minLength": 3, "maxLength": 254,
  "description": "At most 254 bytes, its domain by IDNA 2008; unique within the tenant."
},
"UserName": {
  "type": "string", "minLength": 1, "maxLength": 200,
  "description": "It must show something, and hold no control character."
},
"OwnTenantId": {
  "type": "string",
  "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
  "description": "Need not be there; if it is, it must be the tenant of the credential (403)."
},
"UserPatch": {
  "type": "object",
  "description": "What is to change, an e-mail address or a name; the rest stays.",
  "minProperties": 1,
  "if": {"required": ["email"]},
  "else": {"required": ["name"]},
  "properties": {
    "email": {"$ref": "#/components/schemas/EmailAddress"},
    "name": {"$ref": "#/components/schemas/UserName"},
    "tenantId": {"$ref": "#/components/schemas/OwnTenantId"},
    "tenant_id": {"$ref": "#/components/schemas/OwnTenantId"}
  },
  "additionalProperties": false,
  "examples": [{"name": "Ada King"}]
},
"BatchResults": {
  "type": "object",
  "required": ["results"],
  "properties": {
    "results": {"type": "array", "items": {"$ref": "#/components/schemas/LineResult"}}
  },
  "examples": [{"results": [
    {"line": 1, "outcome": "created", "id": 7},
    {"line": 2, "outcome": "failed", "status": 422, "detail": "the user is not valid",
     "errors": [{"pointer": "/email", "detail": "must have exactly one @"}]}
  ]}]
},
"LineResult": {
  "type": "object",
  "description": "What became of one line: with an id, or where it failed with status and detail.",
  "required": ["line", "outcome"],
  "properties": {
    "line": {"type": "integer", "minimum": 1},
    "outcome": {"type": "string", "enum": ["created", "existing", "updated", "failed"]},
    "id": {"type": "integer", "format": "int64", "minimum": 1},
    "status": {"type": "integer", "description": "What the line alone would have been answered."},
    "detail": {"type": "string"},
    "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}}
  }
},
"SearchResults": {
  "type": "object",
  "required": ["tenant_id", "query", "results"],
  "properties": {
    "tenant_id": {"$ref": "#/components/schemas/TenantId"},
    "query": {"type": "string"},
    "results": {"type": "array", "items": {"$ref": "#/components/schemas/SearchHit"}}
  },
  "examples": [{"tenant_id": "acme", "query": "ada", "results": [
    {"user_id": 7, "tenant_id": "acme", "score": 0.612373, "email": "ada@acme.dev",
      "name": "Ada Lovelace"}
  ]}]
},
"SearchHit": {
  "type": "object",
  "required": ["user_id", "tenant_id", "score", "email", "name"],
  "properties": {
    "user_id": {"type": "integer", "format": "int64", "minimum": 1},
    "tenant_id": {"$ref": "#/components/schemas/TenantId"},
    "score": {"type": "number", "description": "The cosine of the embeddings, or of letters and meaning the weighed sum; -1 to 1."},
    "email": {"type": "string"},
    "name": {"type": "string"}
  }
},
"EventHits": {
  "type": "object",
  "required": ["tenant_id", "type", "query", "results"],
  "properties": {
    "tenant_id": {"$ref": "#/components/schemas/TenantId"},
    "type": {"type": "string"},
    "query": {"type": "string"},
    "results": {"type": "array", "items": {"$ref": "#/components/schemas/EventHit"}},
    "vectors": {"type": "string", "description": "Only where words searched alone: why, as `unavailable: ...` where the embedder does not answer."}
  },
  "examples": [{"tenant_id": "acme", "type": "analytics.recorded", "query": "checkout fails",
    "results": [{
      "event_id": "019a2b7c-0d1e-7f00-8000-000000000001", "type": "analytics.recorded", "subject": "u1",
      "time": "2026-11-21T08:00:00.000Z", "title": "error payment declined at checkout",
      "fields": {"event_type": "error", "metadata.country": "DE"}, "topic": "analytics.events",
      "partition": 3, "offset": 17, "score": 0.612373, "words": 3.2, "rank_score": 0.0328
    }]}]
},
"FoundUsers": {
  "type": "object",
  "required": ["generation", "embedder", "took_micros", "results"],
  "properties": {
    "generation": {"type": "integer", "minimum": 1, "description": "Of the user index."},
    "embedder": {"type": "string", "description": "That it was made, and asked, with."},
    "took_micros": {"type": "integer", "format": "int64", "minimum": 0},
    "results": {"type": "array", "items": {"$ref": "#/components/schemas/SearchHit"}}
  },
  "examples": [{"generation": 1, "embedder": "hashing-v2/256", "took_micros": 180, "results": []}]
},
"FoundEvents": {
  "allOf": [{"$ref": "#/components/schemas/EventHits"}],
  "type": "object",
  "required": ["took_micros"],
  "properties": {"took_micros": {"type": "integer", "format": "int64", "minimum": 0}},
  "examples": [{"tenant_id": "acme", "type": "analytics.recorded", "query": "checkout fails",
    "results": [], "took_micros": 180}]
},
"EventHit": {
  "type": "object",
  "required": ["event_id", "type", "subject", "time", "title", "fields", "topic", "partition", "offset"],
  "properties": {
    "event_id": {"type": "string"},
    "type": {"type": "string"},
    "subject": {"type": "string", "description": "The user whom it is of; empty where its subject is none."},
    "time": {"type": "string", "format": "date-time", "description": "When it happened."},
    "title": {"type": "string", "description": "The beginning of its searchable text."},
    "fields": {"type": "object", "description": "What filters ask for, by name."},
    "topic": {"type": "string"},
    "partition": {"type": "integer", "minimum": 0},
    "offset": {"type": "integer", "format": "int64", "minimum": 0},
    "score": {"type": "number", "description": "By meaning and letters, -1 to 1; 0 where words alone found it. Not of a watch without a query."},
    "words": {"type": ["number", "null"], "description": "BM25; null where no word of the query is in it."},
    "rank_score": {"type": "number", "description": "What searches order by."}
  }
},
"Pending": {
  "type": "object",
  "description": "What a write was to wait for and did not see in time. It is done and durable.",
  "required": ["ack", "reached", "position"],
  "properties": {
    "ack": {"type": "string", "enum": ["log", "searchable", "counted"],
            "description": "What was not seen."},
    "reached": {"type": "string", "enum": ["stored", "log"],
                "description": "What was: it is in the store, or in the log."},
    "position": {"type": "string", "description": "The Mesh-Position of the write, opaque."}
  },
  "examples": [{"ack": "searchable", "reached": "log", "position": "~"}]
},
"PendingRemoval": {
  "type": "object",
  "description": "What was to be removed is gone.",
  "required": ["pending"],
  "properties": {"pending": {"$ref": "#/components/schemas/Pending"}}
},
"Published": {
  "type": "object",
  "required": ["message", "id"],
  "properties": {
    "message": {"type": "string"},
    "id": {"type": "string", "description": "The id of the event."},
    "pending": {"$ref": "#/components/schemas/Pending"}
  },
  "examples": [{"message": "Event published", "id": "0199a1c4-7b1e-7c59-8d0a-3f6b9c1d2e4f"}]
},
"PublishedEvents": {
  "type": "object",
  "required": ["message", "accepted", "ids"],
  "properties": {
    "message": {"type": "string"},
    "accepted": {"type": "integer", "minimum": 1, "description": "How many events were taken."},
    "ids": {"type": "array", "items": {"type": "string"}, "description": "Their ids, in order."},
    "id": {"type": "string", "description": "Where there is one event: its id."},
    "pending": {"$ref": "#/components/schemas/Pending"}
  },
  "examples": [{"message": "Events published", "accepted": 2, "ids": ["a-1", "a-2"]}]
},
"Event": {
  "type": "object",
  "description": "A CloudEvent 1.0 in its JSON format; further members are extension attributes.",
  "required": ["specversion", "id", "source", "type"],
  "properties": {
    "specversion": {"type": "string", "enum": ["1.0"]},
    "id": {
      "type": "string", "minLength": 1, "maxLength": 256,
      "description": "At most 256 bytes, unique within the source."
    },
    "source": {"type": "string", "minLength": 1, "maxLength": 4096},
    "type": {"type": "string", "minLength": 1, "maxLength": 200},
    "subject": {
      "type": "string", "maxLength": 4096,
      "description": "Of a type of the catalogue: what its data says, and best left out."
    },
    "time": {"type": "string", "format": "date-time"},
    "tenantid": {"$ref": "#/components/schemas/OwnTenantId"},
    "datacontenttype": {"type": "string", "maxLength": 4096},
    "data": {"description": "JSON; where datacontenttype is another, a string."},
    "data_base64": {"type": "string", "description": "In place of data: its bytes."}
  },
  "additionalProperties": {
    "type": ["string", "integer", "boolean", "null"], "maxLength": 4096,
    "minimum": -9223372036854775808, "maximum": 9223372036854775807
  },
  "propertyNames": {"pattern": "^([a-z0-9]{1,64}|data_base64)$"},
  "not": {"required": ["data", "data_base64"]}
},
"UserAnalytics": {
  "type": "object",
  "required": ["user_id", "total_events", "event_types", "recent_events"],
  "properties": {
    "user_id": {"type": "string"},
    "total_events": {"type": "integer", "format": "int64", "minimum": 0},
    "event_types": {
      "type": "object", "description": "How many of each type.",
      "additionalProperties": {"type": "integer", "minimum": 1}
    },
    "recent_events": {
      "type": "array", "maxItems": 10, "items": {"$ref": "#/components/schemas/RecordedEvent"}
    }
  },
  "examples": [{"user_id": "7", "total_events": 1, "event_types": {"login": 1}, "recent_events": [
    {"id": "a-1", "event_type": "login", "timestamp": "2026-11-21T08:32:00Z",
      "metadata": {"ip": "192.0.2.7"},
     "processed_at": "2026-11-21T08:32:00.123Z"}
  ]}]
},
"RecordedEvent": {
  "type": "object",
  "required": ["id", "event_type", "timestamp", "metadata", "processed_at"],
  "properties": {
    "id": {"type": "string"},
    "event_type": {"type": "string"},
    "timestamp": {"type": "string", "description": "As the client wrote it."},
    "metadata": {"type": "object", "description": "As the client wrote it."},
    "processed_at": {"type": "string", "format": "date-time"}
  }
},
"UserEvents": {
  "type": "object",
  "required": ["user_id", "events"],
  "properties": {
    "user_id": {"type": "string"},
    "events": {"type": "array", "items": {"$ref": "#/components/schemas/RecordedEvent"}}
  },
  "examples": [{"user_id": "7", "events": [
    {"id": "a-1", "event_type": "login", "timestamp": "2026-11-21T08:32:00Z", "metadata": {},
     "processed_at": "2026-11-21T08:32:00.123Z"}
  ]}]
},
"ResearcherAnalytics": {
  "type": "object",
  "required": ["researcher", "total_experiments", "unique_molecules", "molecules_list",
    "recent_experiments"],
  "properties": {
    "researcher": {"type": "string"},
    "total_experiments": {"type": "integer", "format": "int64", "minimum": 0},
    "unique_molecules": {"type": "integer", "minimum": 0},
    "molecules_list": {"type": "array", "items": {"type": "string"}},
    "recent_experiments": {
      "type": "array", "maxItems": 10,
      "items": {"$ref": "#/components/schemas/RecordedExperiment"}
    }
  },
  "examples": [{
    "researcher": "Marie Curie", "total_experiments": 1, "unique_molecules": 1,
    "molecules_list": ["water"], "recent_experiments": []
  }]
},
"RecordedExperiment": {
  "type": "object",
  "required": ["id", "molecule_id", "data", "timestamp", "llm_properties", "processed_at"],
  "properties": {
    "id": {"type": "string"},
    "molecule_id": {"type": "string"},
    "data": {"type": "object", "description": "As the client wrote it."},
    "timestamp": {"type": "string", "description": "As the client wrote it."},
    "llm_properties": {"$ref": "#/components/schemas/Properties"},
    "processed_at": {"type": "string", "format": "date-time"}
  }
},
"Properties": {
  "type": "object",
  "description": "What was computed of the molecule, or a language model says of it. Members that nobody knows are left out; results of before 0.2 have of the first five `method` alone.",
  "properties": {
    "method": {"type": "string", "description": "computed, or openai: and the model."},
    "strategy": {"type": "string", "enum": ["computed", "model", "fallback"], "description": "fallback: computed, since the model gave no good answer or the tenant's tokens of the day were used up; note says which."},
    "model": {"type": "string", "description": "Its name; with strategy model alone."},
    "version": {"type": "string", "description": "Of what computed it, or of the model's prompt and schema."},
    "confidence": {"type": "number", "minimum": 0, "maximum": 1, "description": "How sure the model says it is; 1 of what was computed."},
    "formula": {"type": "string"},
    "molecular_weight": {"type": "number", "description": "In g/mol."},
    "atom_count": {"type": "number"},
    "element_count": {"type": "integer"},
    "composition": {"type": "object", "additionalProperties": {"type": "number"}},
    "degree_of_unsaturation": {"type": "integer"},
    "charge": {"type": "integer"},
    "note": {"type": "string"}
  },
  "examples": [{
    "method": "openai:gpt-4o-mini", "strategy": "model", "model": "gpt-4o-mini", "version": "5b1f0c9a7d3e",
    "formula": "H2O", "molecular_weight": 18.015, "composition": {"H": 2, "O": 1}, "atom_count": 3, "element_count": 2,
    "confidence": 0.95
  }]
},
"ResearcherEvents": {
  "type": "object",
  "required": ["researcher", "events"],
  "properties": {
    "researcher": {"type": "string"},
    "events": {"type": "array", "items": {"$ref": "#/components/schemas/RecordedExperiment"}}
  },
  "examples": [{"researcher": "Marie Curie", "events": [
    {"id": "c-1", "molecule_id": "water", "data": {"formula": "H2O"},
     "timestamp": "2026-11-21T08:32:00Z", "llm_properties": {},
     "processed_at": "2026-11-21T08:32:00.123Z"}
  ]}]
}
})json";
}

}  // namespace mesh::services
