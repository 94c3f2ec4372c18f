"""Whether requests are what Qdrant's REST API takes."""

import json
import os
import pathlib
import re

import jsonschema

HERE = pathlib.Path(__file__).parent


def as_json_schema(node):
    """An OpenAPI 3.0 schema as a JSON schema: null is a type, and what is not named is not taken."""
    if isinstance(node, list):
        return [as_json_schema(one) for one in node]
    if not isinstance(node, dict):
        return node
    if node == {"nullable": True}:
        return {"type": "null"}
    nullable = node.get("nullable") is True
    node = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if isinstance(node.get("properties"), dict) and not {"allOf", "anyOf", "oneOf"} & set(node):
        node.setdefault("additionalProperties", False)
    return {"anyOf": [node, {"type": "null"}]} if nullable else node


class OpenApi:
    def __init__(self, path):
        document = json.loads(path.read_text())
        self.name = path.name
        self.paths = [(re.compile(re.sub(r"\{[^}]*\}", "[^/]+", pattern)), operations)
                      for pattern, operations in document["paths"].items()]
        self.schemas = as_json_schema(document["components"]["schemas"])

    def check(self, method, path, body):
        # Of two that match, the one without a parameter there: /collections/aliases.
        found = [operations for pattern, operations in self.paths
                 if pattern.fullmatch(path) and method.lower() in operations]
        if not found:
            raise ValueError(f"{self.name} has no {method} {path}")
        errors = []
        for operations in found:
            content = operations[method.lower()].get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema is None:
                if body is None:
                    return
                errors.append("takes no body")
                continue
            whole = {"allOf": [as_json_schema(schema)], "components": {"schemas": self.schemas}}
            problems = list(jsonschema.Draft4Validator(whole).iter_errors(body))
            if not problems:
                return
            errors.append(str(jsonschema.exceptions.best_match(problems).message)[:300])
        raise ValueError(f"{self.name}: {method} {path}: {'; '.join(errors)}")


class Requests:
    def __init__(self, version):
        own = json.loads((HERE / "requests.json").read_text())
        self.definitions = own["$defs"]
        self.own = {(r["method"], r["path"]): r.get("body") for r in own["requests"]}
        folder = os.environ.get("MESH_QDRANT_OPENAPI")
        minor = ".".join(version.split(".")[:2])
        paths = sorted(pathlib.Path(folder).glob(f"*{minor}*.json")) if folder else []
        if folder and not paths:
            raise SystemExit(f"no OpenAPI document of {minor} in MESH_QDRANT_OPENAPI={folder}")
        self.documents = [OpenApi(path) for path in paths]

    def check(self, method, path, body):
        for (own_method, pattern), schema in self.own.items():
            if method == own_method and re.fullmatch(pattern, path):
                if (schema is None) != (body is None):
                    raise ValueError(f"{method} {path}: {'no ' if schema is None else ''}body expected")
                if schema is not None:
                    jsonschema.Draft202012Validator(
                        {**schema, "$defs": self.definitions}).validate(body)
                break
        else:
            raise ValueError(f"requests.json has no {method} {path}")
        for document in self.documents:
            document.check(method, path, body)
