"""A Qdrant server for tests: the REST routes that the mesh uses, over qdrant-client's local mode.

Every request is checked first: against requests.json beside this file and, where the environment
variable MESH_QDRANT_OPENAPI names a folder, against the OpenAPI document of Qdrant's version there
("…1.19….json"). One that does not fit is answered with 400. Strict mode refuses what the real
server was seen to refuse.

    peer.py [--api-key KEY] [--version 1.19.0] [--port N]

Prints its port, and ends with its standard input; with --port it stays until it is killed.
"""

import argparse
import json
import os
import re
import sys
import threading
import time
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qdrant_client import QdrantClient
from qdrant_client.http import models

import checks

warnings.filterwarnings("ignore")


class Refused(Exception):
    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def load(model, body):
    return model.model_validate(body)


def keys_of(condition):
    """The payload keys of a filter."""
    if isinstance(condition, list):
        for one in condition:
            yield from keys_of(one)
    elif isinstance(condition, dict):
        if "key" in condition:
            yield condition["key"]
        for part in ("must", "must_not", "should"):
            yield from keys_of(condition.get(part))


class Collections:
    """Local mode, and what it leaves out: payload indexes, strict mode, metadata."""

    def __init__(self):
        self.minor = 0  # of the version that is stood for
        self.client = QdrantClient(":memory:")
        self.created = {}
        self.indexes = {}
        self.operation = 0

    def named(self, name):
        aliases = {a.alias_name: a.collection_name for a in self.client.get_aliases().aliases}
        name = aliases.get(name, name)
        if name not in self.created:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return name

    def list(self):
        return {"collections": [{"name": name} for name in self.created]}

    def exists(self, name):
        return {"exists": name in self.created}

    def create(self, name, body):
        if name in self.created:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        vectors = body["vectors"]
        self.client.create_collection(
            name,
            vectors_config=load(models.VectorParams, vectors) if "size" in vectors else
            {one: load(models.VectorParams, params) for one, params in vectors.items()},
            sparse_vectors_config={one: load(models.SparseVectorParams, params)
                                   for one, params in body.get("sparse_vectors", {}).items()})
        self.created[name] = body
        self.indexes[name] = {}
        return True

    def describe(self, name):
        body = self.created[self.named(name)]
        return {"status": "green", "config": {"params": {"vectors": body["vectors"]},
                                              "metadata": body.get("metadata")}}

    def drop(self, name):
        if name not in self.created:
            return False
        self.client.delete_collection(name)
        del self.created[name], self.indexes[name]
        return True

    def completed(self):
        self.operation += 1
        return {"operation_id": self.operation, "status": "completed"}

    def index(self, name, body):
        self.indexes[self.named(name)][body["field_name"]] = body["field_schema"]
        return self.completed()

    def check_filter(self, name, condition, what="retrieve"):
        strict = self.created[name].get("strict_mode_config") or {}
        if not strict.get("enabled") or strict.get(f"unindexed_filtering_{what}", True):
            return
        for key in keys_of(condition):
            if key not in self.indexes[name]:
                raise Refused(400, f'Bad request: Index required but not found for "{key}"')

    def check_exact(self, name, exact):
        strict = self.created[name].get("strict_mode_config") or {}
        if exact and strict.get("enabled") and not strict.get("search_allow_exact", True):
            raise Refused(400, "Bad request: Exact search disabled!")

    def check_query(self, name, body):
        self.check_filter(name, body.get("filter"))
        idf = (body.get("params") or {}).get("idf") or {}
        if idf:
            if self.minor < 19:
                raise Refused(400, "Format error: unknown field `idf`")
            self.check_filter(name, idf.get("corpus"))
        self.check_exact(name, (body.get("params") or {}).get("exact"))
        config = self.created[name]
        strict = config.get("strict_mode_config") or {}
        linked = (config.get("hnsw_config") or {}).get("m", 16) > 0
        if not strict.get("enabled") or linked or strict.get("search_allow_exact", True):
            return
        of_tenants = {k for k, s in self.indexes[name].items() if s.get("is_tenant")}
        if not of_tenants & set(keys_of(body.get("filter"))):
            raise Refused(400, "Bad request: global vector indexing is disabled (hnsw_config.m = 0)")

    def upsert(self, name, body):
        name = self.named(name)
        self.check_filter(name, body.get("update_filter"), "update")
        points = load(models.PointsList, body)
        declared = self.created[name]["vectors"]
        sizes = {None: declared["size"]} if "size" in declared else {
            one: params["size"] for one, params in declared.items()}
        for point in points.points:
            vectors = point.vector if isinstance(point.vector, dict) else {None: point.vector}
            for one, size in sizes.items():
                if len(vectors[one]) != size:
                    raise Refused(400, f"Wrong input: Vector dimension error: expected dim: {size}")
        self.client.upsert(name, points.points, update_filter=points.update_filter)
        return self.completed()

    def delete(self, name, body):
        name = self.named(name)
        self.check_filter(name, body["filter"], "update")
        self.client.delete(name, models.FilterSelector(filter=load(models.Filter, body["filter"])))
        return self.completed()

    def query(self, name, body):
        name = self.named(name)
        self.check_query(name, body)
        request = load(models.QueryRequest, body)
        found = self.client.query_points(
            name, query=request.query, using=request.using, query_filter=request.filter,
            search_params=request.params, limit=request.limit, score_threshold=request.score_threshold, with_payload=request.with_payload or False)
        return {"points": [p.model_dump(exclude_none=True) for p in found.points]}

    def query_batch(self, name, body):
        return [self.query(name, one) for one in body["searches"]]

    def scroll(self, name, body):
        name = self.named(name)
        self.check_filter(name, body.get("filter"))
        request = load(models.ScrollRequest, body)
        if request.order_by is not None and request.order_by.key not in self.indexes[name]:
            raise Refused(400, f"Bad request: No range index for `order_by` key")
        points, after = self.client.scroll(
            name, scroll_filter=request.filter, limit=request.limit, order_by=request.order_by,
            offset=request.offset, with_payload=request.with_payload)
        return {"points": [p.model_dump(exclude_none=True) for p in points],
                "next_page_offset": after}

    def facet(self, name, body):
        name = self.named(name)
        self.check_filter(name, body.get("filter"))
        self.check_exact(name, body.get("exact"))
        if body["key"] not in self.indexes[name]:
            raise Refused(400, f'Bad request: no appropriate index for faceting: `{body["key"]}`')
        return self.client.facet(name, body["key"], limit=body.get("limit", 10)).model_dump()

    def aliases(self, body):
        for action in body["actions"]:
            made = action.get("create_alias")
            if made:
                self.named(made["collection_name"])
                if made["alias_name"] in self.created:
                    raise Refused(409, f"Collection `{made['alias_name']}` already exists")
        operations = [load(models.CreateAliasOperation if "create_alias" in action
                           else models.DeleteAliasOperation, action) for action in body["actions"]]
        known = {a.alias_name for a in self.client.get_aliases().aliases}
        self.client.update_collection_aliases(
            [o for o in operations if isinstance(o, models.CreateAliasOperation)
             or o.delete_alias.alias_name in known])
        return True

    def list_aliases(self):
        return self.client.get_aliases().model_dump()


NAME = "/collections/([^/]+)"
ROUTES = [(method, re.compile(pattern), call) for method, pattern, call in [
    ("GET", "/collections", "list"),
    ("POST", "/collections/aliases", "aliases"),
    ("GET", "/aliases", "list_aliases"),
    ("PUT", NAME, "create"),
    ("GET", NAME, "describe"),
    ("DELETE", NAME, "drop"),
    ("GET", NAME + "/exists", "exists"),
    ("PUT", NAME + "/index", "index"),
    ("PUT", NAME + "/points", "upsert"),
    ("POST", NAME + "/points/delete", "delete"),
    ("POST", NAME + "/points/query", "query"),
    ("POST", NAME + "/points/query/batch", "query_batch"),
    ("POST", NAME + "/points/scroll", "scroll"),
    ("POST", NAME + "/facet", "facet"),
]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    collections, lock = Collections(), threading.Lock()
    requests, options = None, None

    def log_message(self, *_):
        pass

    def answer(self, status, body, content_type="application/json"):
        text = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def run(self):
        began = time.monotonic()
        path = self.path.partition("?")[0]
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path == "/":
            version = {"title": "qdrant - vector search engine", "version": self.options.version}
            return self.answer(200, json.dumps(version))
        if self.options.api_key and self.headers.get("api-key") != self.options.api_key:
            return self.answer(401, "Must provide an API key or an Authorization bearer token",
                               "text/plain")
        try:
            body = json.loads(text) if text else None
            self.requests.check(self.command, path, body)
            with self.lock:
                result = self.call(path, body)
            self.answer(200, json.dumps({"result": result, "status": "ok",
                                         "time": time.monotonic() - began}))
        except Refused as refused:
            self.refuse(refused.status, str(refused))
        except Exception as unknown:  # what local mode refuses, the server refuses as well
            self.refuse(400, f"{type(unknown).__name__}: {unknown}")

    def call(self, path, body):
        for method, pattern, call in ROUTES:
            found = pattern.fullmatch(path)
            if found and method == self.command:
                return getattr(self.collections, call)(*found.groups(),
                                                       *([body] if body is not None else []))
        raise Refused(404, "no such route")

    def refuse(self, status, text):
        if status == 400:
            print(f"{self.command} {self.path}: {text}", file=sys.stderr)
        self.answer(status, json.dumps({"status": {"error": text}, "time": 0}))

    do_GET = do_PUT = do_POST = do_DELETE = run


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--api-key", default=os.environ.get("QDRANT__SERVICE__API_KEY", ""))
    parser.add_argument("--version", default="1.19.0")
    parser.add_argument("--port", type=int, default=0)
    Handler.options = parser.parse_args()
    Handler.collections.minor = int(Handler.options.version.split(".")[1])
    Handler.requests = checks.Requests(Handler.options.version)
    server = ThreadingHTTPServer(("127.0.0.1", Handler.options.port), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    if Handler.options.port:
        server.serve_forever()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
