#include "daemon/services/trace_schemas.h"

namespace mesh::services {

// Pages of these are made in api_schemas.cpp.
std::string_view trace_schemas() {
  return R"json({
"TraceStatus": {
  "type": "string", "enum": ["pending", "retrying", "dead", "done"],
  "description": "pending: a pipeline has yet to do it, or it is not in the log yet; retrying: an attempt failed; dead: it is a dead letter; done: it is searchable, counted, or only kept."
},
"EventStatus": {
  "type": "object",
  "required": ["id", "type", "time", "status", "attempts", "next_attempt", "cause_class"],
  "properties": {
    "id": {"type": "string"},
    "type": {"type": "string"},
    "time": {"type": "string", "description": "When it happened."},
    "status": {"$ref": "#/components/schemas/TraceStatus"},
    "attempts": {"type": "integer", "minimum": 0, "description": "That failed."},
    "next_attempt": {"type": ["string", "null"], "format": "date-time"},
    "cause_class": {"type": ["string", "null"], "description": "Of the last failure, as schema."}
  },
  "examples": [{
    "id": "01938c5e-7c1a-7000-8000-000000000001", "type": "chemical.recorded",
    "time": "2026-11-21T08:32:00.123Z", "status": "retrying", "attempts": 2,
    "next_attempt": "2026-11-21T08:33:00.000Z", "cause_class": "extract"
  }]
},
"Attempt": {
  "type": "object",
  "required": ["ended", "micros", "cause_class", "cause"],
  "properties": {
    "ended": {"type": "string", "format": "date-time"},
    "micros": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "How long the call took that it was in, with others."
    },
    "cause_class": {"type": "string"},
    "cause": {"type": "string"}
  }
},
"LetterPlace": {
  "type": "object",
  "required": ["topic", "partition", "offset", "died_at"],
  "properties": {
    "topic": {"type": "string"},
    "partition": {"type": "integer", "minimum": 0},
    "offset": {"type": "integer", "format": "int64", "minimum": 0},
    "died_at": {"type": "string", "format": "date-time"}
  }
},
"PipelineTrace": {
  "type": "object",
  "required": ["pipeline", "state", "serves", "behind", "behind_its_key", "attempts", "history",
    "next_attempt", "cause_class", "cause", "letter", "effect"],
  "properties": {
    "pipeline": {"type": "string", "description": "Its group."},
    "state": {"$ref": "#/components/schemas/TraceStatus"},
    "serves": {
      "type": "boolean",
      "description": "Whether the event's status goes by it; not of a generation that does not serve."
    },
    "behind": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Events of the partition that it has to do before."
    },
    "behind_its_key": {
      "type": "boolean", "description": "It waits for an earlier event of its key that failed."
    },
    "attempts": {"type": "integer", "minimum": 0, "description": "That failed."},
    "history": {
      "type": "array", "maxItems": 10, "items": {"$ref": "#/components/schemas/Attempt"},
      "description": "The last of them."
    },
    "next_attempt": {"type": ["string", "null"], "format": "date-time"},
    "cause_class": {"type": ["string", "null"]},
    "cause": {"type": ["string", "null"]},
    "letter": {
      "anyOf": [{"$ref": "#/components/schemas/LetterPlace"}, {"type": "null"}]
    },
    "effect": {
      "anyOf": [{"$ref": "#/components/schemas/TraceEffect"}, {"type": "null"}]
    }
  }
},
"TraceEffect": {
  "type": "object",
  "description": "A row of a projection, or what a generation of the index holds of the user.",
  "required": ["generation", "reached", "since", "version", "text"],
  "properties": {
    "generation": {"type": ["string", "null"], "description": "null: a row of a projection."},
    "reached": {"type": "boolean"},
    "since": {
      "type": ["string", "null"], "format": "date-time",
      "description": "Of a row; the index keeps no times."
    },
    "version": {
      "type": ["integer", "null"], "format": "int64",
      "description": "Of the user in the index; null: it holds none."
    },
    "text": {"type": "string"}
  }
},
"Trace": {
  "type": "object",
  "required": ["id", "type", "tenant", "subject", "source", "time", "version", "status", "text",
    "accepted", "outbox", "log", "redriven_from", "pipelines", "searched"],
  "properties": {
    "id": {"type": "string"},
    "type": {"type": "string"},
    "tenant": {"type": "string"},
    "subject": {"type": ["string", "null"]},
    "source": {"type": ["string", "null"]},
    "time": {"type": "string", "description": "When it happened, as its producer wrote it."},
    "version": {"type": ["integer", "null"], "format": "int64"},
    "status": {"$ref": "#/components/schemas/TraceStatus"},
    "text": {"type": "string", "description": "Why it is seen, or why not yet."},
    "accepted": {
      "type": "object",
      "required": ["at", "by", "request_id", "trace_id"],
      "properties": {
        "at": {"type": "string", "format": "date-time"},
        "by": {
          "type": ["string", "null"],
          "description": "user:<user of the tenant> or operator:<name>; null: the record does not say."
        },
        "request_id": {"type": ["string", "null"]},
        "trace_id": {"type": ["string", "null"]}
      }
    },
    "outbox": {
      "type": ["object", "null"],
      "description": "Where it waits for the log.",
      "required": ["sequence", "ahead"],
      "properties": {
        "sequence": {"type": "integer", "format": "int64"},
        "ahead": {"type": "integer", "format": "int64", "minimum": 0}
      }
    },
    "log": {
      "type": ["object", "null"],
      "required": ["topic", "partition", "offset", "time"],
      "properties": {
        "topic": {"type": "string"},
        "partition": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "format": "int64", "minimum": 0},
        "time": {"type": "string", "format": "date-time", "description": "When the log took it."}
      }
    },
    "redriven_from": {
      "type": "array",
      "description": "Dead letters that it came back from, the first one first.",
      "items": {"$ref": "#/components/schemas/LetterPlace"}
    },
    "pipelines": {"type": "array", "items": {"$ref": "#/components/schemas/PipelineTrace"}},
    "searched": {
      "type": "object",
      "required": ["records", "whole"],
      "properties": {
        "records": {"type": "integer", "format": "int64", "minimum": 0},
        "whole": {"type": "boolean"}
      }
    }
  },
  "examples": [{
    "id": "01938c5e-7c1a-7000-8000-000000000001", "type": "analytics.recorded", "tenant": "acme",
    "subject": "7", "source": "/mesh/publisher", "time": "2026-11-21T08:32:00.123Z",
    "version": null, "status": "done", "text": "is counted since 2026-11-21T08:32:00.140Z",
    "accepted": {"at": "2026-11-21T08:32:00.125Z", "by": "user:ada", "request_id": "5f3a",
      "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"},
    "outbox": null,
    "log": {"topic": "analytics.events", "partition": 3, "offset": 17,
      "time": "2026-11-21T08:32:00.125Z"},
    "redriven_from": [],
    "pipelines": [{"pipeline": "analytics", "state": "done", "serves": true, "behind": 0,
      "behind_its_key": false, "attempts": 0, "history": [], "next_attempt": null,
      "cause_class": null, "cause": null, "letter": null,
      "effect": {"generation": null, "reached": true, "since": "2026-11-21T08:32:00.140Z",
        "version": null, "text": "is counted"}}],
    "searched": {"records": 120, "whole": true}
  }]
},
"UserState": {
  "type": "object",
  "description": "Where a user is: in the store, in the log, in the index.",
  "required": ["tenant", "user_id", "email", "name", "version", "event", "index", "text"],
  "properties": {
    "tenant": {"type": "string"},
    "user_id": {"type": "integer", "format": "int64"},
    "email": {"type": ["string", "null"], "description": "null: the store has no such user."},
    "name": {"type": ["string", "null"]},
    "version": {"type": ["integer", "null"], "format": "int64"},
    "event": {
      "type": ["object", "null"],
      "description": "Its last event in the log, where it was found.",
      "required": ["id", "type", "topic", "partition", "offset", "time"],
      "properties": {
        "id": {"type": "string"},
        "type": {"type": "string"},
        "topic": {"type": "string"},
        "partition": {"type": "integer", "minimum": 0},
        "offset": {"type": "integer", "format": "int64", "minimum": 0},
        "time": {"type": "string", "format": "date-time"}
      }
    },
    "index": {
      "type": "object",
      "required": ["generation", "version", "searchable", "behind"],
      "properties": {
        "generation": {"type": ["string", "null"], "description": "The one that serves."},
        "version": {
          "type": ["integer", "null"], "format": "int64", "description": "null: it holds none."
        },
        "searchable": {"type": "boolean"},
        "behind": {"type": "integer", "format": "int64", "minimum": 0}
      }
    },
    "text": {"type": "string"}
  },
  "examples": [{
    "tenant": "acme", "user_id": 7, "email": "ada@acme.dev", "name": "Ada", "version": 2,
    "event": {"id": "01938c5e-7c1a-7000-8000-000000000001", "type": "user.updated",
      "topic": "user.events", "partition": 3, "offset": 17, "time": "2026-11-21T08:32:00.125Z"},
    "index": {"generation": "user_embeddings-1", "version": 2, "searchable": true, "behind": 0},
    "text": "is searchable, in user_embeddings-1 at version 2"
  }]
},
"WhyNot": {
  "type": "object",
  "required": ["tenant", "query", "who", "reason", "text", "score", "min_score", "semantic_ratio",
    "rank", "limit", "user", "elsewhere"],
  "properties": {
    "tenant": {"type": "string"},
    "query": {"type": "string"},
    "who": {"type": "string"},
    "reason": {
      "type": "string",
      "enum": ["found", "not_created", "other_tenant", "deleted", "outbox", "behind", "retrying",
        "dead", "no_index", "embedder", "not_indexed", "score", "rank"],
      "description": "The first thing that is in the way."
    },
    "text": {"type": "string", "description": "The same with its numbers."},
    "score": {"type": ["number", "null"]},
    "min_score": {"type": "number"},
    "semantic_ratio": {
      "type": ["number", "null"], "minimum": 0, "maximum": 1,
      "description": "As it was asked; null: what suits the query."
    },
    "rank": {
      "type": ["integer", "null"], "format": "int64", "minimum": 1,
      "description": "null: beyond the first 1000, or nothing was searched."
    },
    "limit": {"type": "integer", "minimum": 1},
    "user": {
      "anyOf": [{"$ref": "#/components/schemas/UserState"}, {"type": "null"}]
    },
    "elsewhere": {
      "type": "array",
      "description": "Users of other tenants with the address.",
      "items": {
        "type": "object",
        "required": ["tenant", "user_id"],
        "properties": {
          "tenant": {"type": "string"},
          "user_id": {"type": "integer", "format": "int64"}
        }
      }
    }
  },
  "examples": [{
    "tenant": "acme", "query": "ada", "who": "bob@acme.dev", "reason": "score",
    "text": "score 0.14 is below min_score 0.20", "score": 0.14, "min_score": 0.2,
    "semantic_ratio": null, "rank": 3, "limit": 10, "user": null, "elsewhere": []
  }]
}
})json";
}

}  // namespace mesh::services
