#include "daemon/services/log_schemas.h"

namespace mesh::services {

// Pages of these are made in api_schemas.cpp.
std::string_view log_schemas() {
  return R"json({
"Topic": {
  "type": "object",
  "required": ["name", "kind", "partitions", "records", "bytes", "held", "passed_over",
    "retention"],
  "properties": {
    "name": {"type": "string"},
    "kind": {
      "type": "string", "enum": ["entity", "activity"],
      "description": "Of entity topics the last record of each key stays."
    },
    "partitions": {"type": "integer", "minimum": 1},
    "records": {"type": "integer", "format": "int64", "minimum": 0},
    "bytes": {"type": "integer", "format": "int64", "minimum": 0},
    "held": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Records beyond their retention that are kept for groups."
    },
    "passed_over": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Records that the hard size removed unread since the start."
    },
    "retention": {"$ref": "#/components/schemas/Retention"}
  },
  "examples": [{
    "name": "user.events", "kind": "entity", "partitions": 8, "records": 1200, "bytes": 310000,
    "held": 0, "passed_over": 0, "retention": {"age": null, "size": null}
  }]
},
"Retention": {
  "type": "object",
  "required": ["age", "size"],
  "properties": {
    "age": {"type": ["string", "null"], "description": "A duration such as 7d."},
    "size": {"type": ["integer", "null"], "format": "int64", "description": "Bytes."}
  }
},
"PartitionOffsets": {
  "type": "object",
  "required": ["partition", "start", "end"],
  "properties": {
    "partition": {"type": "integer", "minimum": 0},
    "start": {"type": "integer", "format": "int64", "minimum": 0},
    "end": {"type": "integer", "format": "int64", "minimum": 0}
  }
},
"Record": {
  "type": "object",
  "description": "A record of the log. Where it is no event, the members of one are null.",
  "required": ["topic", "partition", "offset", "time", "key", "id", "type", "tenant", "subject",
    "source", "event_time", "sequence", "traceparent", "headers"],
  "properties": {
    "topic": {"type": "string"},
    "partition": {"type": "integer", "minimum": 0},
    "offset": {"type": "integer", "format": "int64", "minimum": 0},
    "time": {"type": "string", "format": "date-time"},
    "key": {"type": "string"},
    "id": {"type": ["string", "null"]},
    "type": {"type": ["string", "null"]},
    "tenant": {"type": ["string", "null"]},
    "subject": {"type": ["string", "null"]},
    "source": {"type": ["string", "null"]},
    "event_time": {"type": ["string", "null"], "description": "As the client wrote it."},
    "sequence": {"type": ["integer", "null"], "format": "int64"},
    "traceparent": {"type": ["string", "null"]},
    "headers": {"type": "object", "additionalProperties": {"type": "string"}},
    "payload_hidden": {
      "type": "boolean",
      "description": "There, and true, where who asks is shown no payloads: they are left out."
    },
    "value": {
      "description": "By content type: JSON as written, other text as a string; null: no value."
    },
    "value_base64": {
      "type": "string", "description": "The bytes, where value cannot hold them exactly."
    }
  },
  "examples": [{
    "topic": "analytics.events", "partition": 3, "offset": 17, "time": "2026-11-21T08:32:00.123Z",
    "key": "acme/7", "id": "a-1", "type": "analytics.recorded", "tenant": "acme", "subject": "7",
    "source": "/shop", "event_time": "2026-11-21T08:32:00Z", "sequence": 0, "traceparent": "",
    "headers": {"ce_id": "a-1"}, "value": {"user_id": "7", "event_type": "login"}
  }]
},
"RawRecords": {
  "type": "object",
  "required": ["topic", "records"],
  "properties": {
    "topic": {"type": "string"},
    "records": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/RawRecord"}}
  },
  "additionalProperties": false,
  "examples": [{"topic": "analytics.events", "records": [{"key": "acme/7",
    "value": {"user_id": "7", "event_type": "login"}}]}]
},
"RawRecord": {
  "type": "object",
  "required": ["key"],
  "properties": {
    "key": {"type": "string", "minLength": 1},
    "value": {"description": "A string is that text, other JSON itself; null: a tombstone."},
    "value_base64": {
      "type": "string", "contentEncoding": "base64",
      "description": "In place of value: its bytes."
    },
    "headers": {"type": "object", "additionalProperties": {"type": "string"}}
  },
  "not": {"required": ["value", "value_base64"]},
  "additionalProperties": false
},
"Positions": {
  "type": "object",
  "required": ["positions"],
  "properties": {
    "positions": {
      "type": "array", "items": {"type": "string"}, "description": "As user.events/3@17."
    },
    "pending": {"$ref": "#/components/schemas/Pending"}
  },
  "examples": [{"positions": ["analytics.events/3@17"]}]
},
"Bound": {
  "type": "string",
  "description": "start, end, an offset, @ and an RFC 3339 time, or @- and a duration before now.",
  "examples": ["start", "@-1h", "@2026-11-21T08:00:00Z", "1234"]
},
"Group": {
  "type": "object",
  "required": ["group", "active", "state", "lag", "holds", "passed_over", "topics"],
  "properties": {
    "group": {"type": "string"},
    "active": {"type": "boolean", "description": "Something reads with it."},
    "state": {"type": "string", "description": "running, inactive, or why it does not run here."},
    "lag": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Offsets up to the end."
    },
    "holds": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "Events beyond their retention that are kept for it."
    },
    "passed_over": {"type": "integer", "format": "int64", "minimum": 0},
    "topics": {"type": "array", "items": {"type": "string"}}
  },
  "examples": [{
    "group": "analytics", "active": true, "state": "running", "lag": 0, "holds": 0,
      "passed_over": 0,
    "topics": ["analytics.events"]
  }]
},
"GroupPartition": {
  "type": "object",
  "required": ["topic", "partition", "committed", "end", "lag"],
  "properties": {
    "topic": {"type": "string"},
    "partition": {"type": "integer", "minimum": 0},
    "committed": {"type": "integer", "format": "int64", "minimum": 0},
    "end": {"type": "integer", "format": "int64", "minimum": 0},
    "lag": {"type": "integer", "format": "int64"}
  }
},
"Seek": {
  "type": "object",
  "required": ["to"],
  "properties": {
    "to": {"$ref": "#/components/schemas/Bound"},
    "topic": {"type": "string", "description": "Only this topic; all of the group without it."},
    "partition": {"type": "integer", "format": "int64", "description": "Only this partition."},
    "dry_run": {"type": "boolean", "default": false}
  },
  "additionalProperties": false,
  "examples": [{"to": "@-1h", "dry_run": true}]
},
"SeekResult": {
  "type": "object",
  "required": ["group", "partitions"],
  "properties": {
    "group": {"type": "string"},
    "partitions": {"type": "array", "items": {"$ref": "#/components/schemas/Move"}}
  },
  "examples": [{"group": "analytics", "partitions": [
    {"topic": "analytics.events", "partition": 3, "from": 17, "to": 4}
  ]}]
},
"Move": {
  "type": "object",
  "required": ["topic", "partition", "from", "to"],
  "properties": {
    "topic": {"type": "string"},
    "partition": {"type": "integer", "minimum": 0},
    "from": {"type": "integer", "format": "int64", "minimum": 0},
    "to": {"type": "integer", "format": "int64", "minimum": 0}
  }
},
"DeadLetterTopic": {
  "type": "object",
  "required": ["topic", "letters", "oldest", "causes"],
  "properties": {
    "topic": {"type": "string"},
    "letters": {"type": "integer", "format": "int64", "minimum": 0},
    "oldest": {"type": ["string", "null"], "format": "date-time"},
    "causes": {
      "type": "object", "description": "How many of each class of cause.",
      "additionalProperties": {"type": "integer", "minimum": 1}
    }
  },
  "examples": [{"topic": "chemical.events.dlq", "letters": 2,
    "oldest": "2026-11-21T08:32:00.123Z", "causes": {"schema": 2}}]
},
"DeadLetter": {
  "type": "object",
  "required": ["topic", "partition", "offset", "died_at", "first_died_at", "pipeline", "source",
    "tenant", "attempts", "attempts_before", "redrives", "cause_class", "cause",
    "fingerprint", "key", "event"],
  "properties": {
    "topic": {"type": "string", "description": "The dead-letter topic."},
    "partition": {"type": "integer", "minimum": 0},
    "offset": {"type": "integer", "format": "int64", "minimum": 0},
    "died_at": {"type": "string", "format": "date-time"},
    "first_died_at": {"type": "string", "format": "date-time"},
    "pipeline": {"type": "string"},
    "source": {"type": "string", "description": "Where the event stood, as user.events/3@17."},
    "tenant": {"type": "string"},
    "attempts": {
      "type": "integer", "minimum": 0, "description": "Since it was redriven or mended last."
    },
    "attempts_before": {"type": "integer", "minimum": 0},
    "redrives": {"type": "integer", "minimum": 0},
    "cause_class": {"type": "string"},
    "cause": {"type": "string"},
    "fingerprint": {"$ref": "#/components/schemas/Fingerprint"},
    "key": {"type": "string"},
    "payload_hidden": {
      "type": "boolean",
      "description": "There, and true, where who asks is shown no payloads: they are left out."
    },
    "event": {
      "type": ["object", "null"],
      "description": "A CloudEvent in its JSON format; null where the record, in value, is none."
    },
    "value": {},
    "value_base64": {"type": "string"}
  },
  "examples": [{
    "topic": "chemical.events.dlq", "partition": 3, "offset": 17,
    "died_at": "2026-11-21T08:32:00.123Z", "first_died_at": "2026-11-21T08:32:00.123Z",
    "pipeline": "chemical", "source": "chemical.events/3@40", "tenant": "acme", "attempts": 1,
    "attempts_before": 0, "redrives": 0, "cause_class": "schema",
    "cause": "molecule_id is required", "fingerprint": "9b1f0c44d2ae", "key": "acme/curie",
    "event": {"specversion": "1.0", "id": "c-1", "type": "chemical.recorded", "source": "/lab"}
  }]
},
"Fingerprint": {
  "type": "string",
  "description": "Names a cause: its class and its text without ids, numbers and what it quotes."
},
"CauseGroup": {
  "type": "object",
  "required": ["topic", "tenant", "fingerprint", "cause_class", "cause", "letters", "first", "last"],
  "properties": {
    "topic": {"type": "string", "description": "The dead-letter topic."},
    "tenant": {"type": "string"},
    "fingerprint": {"$ref": "#/components/schemas/Fingerprint"},
    "cause_class": {"type": "string"},
    "cause": {"type": "string", "description": "What their texts have in common."},
    "letters": {"type": "integer", "format": "int64", "minimum": 1},
    "first": {"type": "string", "format": "date-time", "description": "The oldest death."},
    "last": {"type": "string", "format": "date-time", "description": "The newest death."}
  },
  "examples": [{"topic": "chemical.events.dlq", "tenant": "acme", "fingerprint": "9b1f0c44d2ae",
    "cause_class": "schema", "cause": "molecule_id is required", "letters": 12,
    "first": "2026-11-21T08:32:00.123Z", "last": "2026-11-21T09:10:41.007Z"}]
},
"Matching": {
  "type": "object",
  "required": ["matching"],
  "properties": {
    "matching": {"type": "integer", "format": "int64", "minimum": 0},
    "seconds": {
      "type": "integer", "format": "int64", "minimum": 0,
      "description": "With a rate: how long it would take at that."
    }
  },
  "examples": [{"matching": 2}]
},
"Purge": {
  "type": "object",
  "description": "Which letters; all of the topic without members.",
  "properties": {
    "tenant": {"$ref": "#/components/schemas/TenantId"},
    "cause": {"type": "string", "minLength": 1, "description": "A class of cause, or a fingerprint."},
    "id": {"type": "string", "minLength": 1, "description": "The id of an event."},
    "dry_run": {"type": "boolean", "default": false, "description": "Only count."}
  },
  "additionalProperties": false,
  "examples": [{"cause": "schema", "dry_run": true}]
},
"Mended": {
  "type": "object",
  "required": ["message", "id", "position"],
  "properties": {
    "message": {"type": "string"},
    "id": {"type": "string", "description": "The id of the event."},
    "position": {"type": "string", "description": "Where it stands now, as user.events/3@17."},
    "pending": {"$ref": "#/components/schemas/Pending"}
  },
  "examples": [{"message": "Letter mended", "id": "c-1", "position": "chemical.events/3@41"}]
}
})json";
}

}  // namespace mesh::services
