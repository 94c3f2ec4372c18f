"""What a description cannot tell schemathesis, and what must not be asked as it comes."""

import itertools
import os
import re

import schemathesis
from hypothesis import strategies

FOLDER = os.environ["MESH_API_FOLDER"]
LETTERS = itertools.cycle(os.environ["MESH_API_LETTERS"].split())
NDJSON = "application/x-ndjson"


@schemathesis.hook
def before_load_schema(context, raw_schema):
    # OpenAPI 3.1 has no word for what a line of NDJSON holds: so they are those of the examples.
    for item in raw_schema["paths"].values():
        for operation in item.values():
            content = operation.get("requestBody", {}).get("content", {})
            if NDJSON in content:
                texts = content[NDJSON]["schema"].pop("examples")
                line = strategies.sampled_from("".join(texts).splitlines())
                several = strategies.lists(line, min_size=1, max_size=5).map("\n".join)
                schemathesis.openapi.media_type(NDJSON, several.map(str.encode))


# By path: the entity tag that was answered last.
entity_tags = {}
# Where lists go on, as the answers said, by the request without that.
next_places = {}
keys = itertools.count(1)


def resource_of(case):
    return case.path, str(case.path_parameters)


def list_of(case):
    return case.path, str(case.path_parameters), (case.query or {}).get("topics")


def at_once(wait):
    """A request that waits holds the run up by as long as it says; it may also be said as text."""
    if isinstance(wait, list):
        return [at_once(one) for one in wait]
    return 0 if re.fullmatch("[0-9]+", str(wait)) and int(wait) <= 25 else wait


@schemathesis.hook
def after_call(context, case, response):
    if "etag" in response.headers:
        entity_tags[resource_of(case)] = response.headers["etag"][0]
    if response.status_code != 200 or case.method != "GET":
        return
    link = response.headers.get("link", [""])[0]
    if found := re.search(r"cursor=([^&>]+)", link):
        next_places[list_of(case)] = found[1]
    elif case.operation.label.endswith(("/records", "/tenants")) and response.json()["next"]:
        next_places[list_of(case)] = response.json()["next"]


@schemathesis.hook
def before_call(context, case, kwargs):
    query, headers, body = case.query or {}, case.headers or {}, case.body
    if "wait" in query:
        query["wait"] = at_once(query["wait"])
    # The operator may name any folder of the machine, and it would be made there.
    if case.path == "/admin/v1/backups" and isinstance(body, dict):
        path = body.get("path")
        if isinstance(path, str) and path.startswith("/"):
            body["path"] = FOLDER + "/backup"
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # Of a request that is to be wrong no header field may be changed: it would be taken for a good
    # one, and be given the credential that it has to lack.
    if "Prefer" in headers:
        headers["Prefer"] = "wait=0"
    # What is made up is none: only the answer before can tell where a list goes on.
    for name in ("cursor", "positions"):
        if name in query:
            place = next_places.get(list_of(case))
            if place is None:
                del query[name]
            else:
                query[name] = place
    # Nor does a search ever see a write that was not made.
    if "min_position" in query:
        query["min_position"] = "~"
    # Which events are counted is not in the schema of the parameter.
    if "ack" in query and (case.path in ("/api/v1/events", "/admin/v1/events")
                           or case.path.endswith("/mend")):
        query["ack"] = "log"
    # Nor can a version be made up: of what was seen it is the one seen last.
    if "If-Match" in headers and resource_of(case) in entity_tags:
        headers["If-Match"] = entity_tags[resource_of(case)]
    if "letter" in (case.path_parameters or {}):
        case.path_parameters.update(topic="chemical.events", letter=next(LETTERS))
    # A key that another request had is 422 by design, and no schema can say which those are.
    if "Idempotency-Key" in headers:
        headers["Idempotency-Key"] = f"key-{next(keys)}"
