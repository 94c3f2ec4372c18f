"""AWS's API on loopback: moto, and what this stack needs beyond it.

A simulator shows that the HCL and a command's wiring work, not that AWS accepts the stack.
`tests/terraform/aws up` starts it; GET /simulated/left?REGION lists what it holds.
"""

import datetime
import json
import os
import re
import socket
import sys
import threading
import time
import urllib.parse
import uuid

# Before moto is imported: the managed policies that the stack attaches, and its own address.
os.environ.setdefault("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")

from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT  # noqa: E402
from moto.eks import models as eks_models  # noqa: E402
from moto.kafka import models as kafka_models  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import left  # noqa: E402
import mended  # noqa: E402


class Failure(Exception):
    """An error as AWS answers it."""

    def __init__(self, kind, message, status):
        super().__init__(message)
        self.kind, self.status = kind, status


def missing(what):
    if what.startswith("kafka configuration"):  # terraform waits for these words
        return Failure("BadRequestException", "Configuration ARN does not exist", 400)
    kind = "NotFoundException" if what.startswith("kafka") else "ResourceNotFoundException"
    return Failure(kind, f"{what} is not there", 404)


def moment():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


class Aws(DomainDispatcherApplication):
    """moto's dispatcher; the routes below come before it."""

    def __init__(self):
        super().__init__(create_backend_app)
        self.kept = {}  # what moto has no room for, by path
        self.mutex = threading.Lock()
        self.routes = [
            ("eks", rf"({method}) {pattern}$", handler)
            for method, pattern, handler in (
                ("POST|GET", "/clusters/([^/]+)/addons", self.addons),
                ("GET|DELETE", "/clusters/([^/]+)/addons/([^/]+)", self.addon),
                ("POST", "/clusters/([^/]+)/addons/([^/]+)/update", self.update_addon),
                ("POST|GET", "/clusters/([^/]+)/access-entries", self.entries),
                ("GET|DELETE|POST", "/clusters/([^/]+)/access-entries/([^/]+)", self.entry),
                ("POST|GET", "/clusters/([^/]+)/access-entries/([^/]+)/access-policies", self.policies),
                ("DELETE", "/clusters/([^/]+)/access-entries/([^/]+)/access-policies/([^/]+)", self.policy),
                ("POST", "/clusters/([^/]+)/updates", self.update_cluster),
                ("POST", "/clusters/([^/]+)/node-groups/([^/]+)/update-version", self.update_nodes),
                ("GET", "/clusters/([^/]+)/updates/([^/]+)", self.update_done),
                ("GET|POST", "/clusters/([^/]+)/pod-identity-associations", lambda *_: {"associations": []}),
            )
        ] + [
            ("kafka", rf"({method}) {pattern}$", handler)
            for method, pattern, handler in (
                ("POST", "/v1/configurations", self.configure),
                ("GET|DELETE", "/v1/configurations/([^/]+)", self.configuration),
                ("GET", "/v1/configurations/([^/]+)/revisions/([^/]+)", self.configuration_text),
                ("GET", "/v1/clusters/([^/]+)/bootstrap-brokers", self.bootstrap),
                ("GET|POST|PATCH", "/v1/clusters/([^/]+)/scram-secrets", self.scram),
            )
        ]

    def __call__(self, environ, start_response):
        path = environ.get("REQUEST_URI", environ["PATH_INFO"]).split("?")[0]
        scope = re.search(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
        if path == "/simulated/left":
            return self.answer(start_response, 200, left.everything(self.kept, environ["QUERY_STRING"]))
        if scope:
            region, service = scope.groups()
            for served, pattern, handler in self.routes:
                match = re.match(pattern, f"{environ['REQUEST_METHOD']} {path}") if served == service else None
                if match:
                    method, *names = (urllib.parse.unquote(part) for part in match.groups())
                    length = int(environ.get("CONTENT_LENGTH") or 0)
                    body = json.loads(environ["wsgi.input"].read(length) or b"{}") if length else {}
                    try:
                        with self.mutex:
                            return self.answer(start_response, 200, handler(region, method, body, *names))
                    except Failure as failure:
                        return self.answer(start_response, failure.status, {"message": str(failure)}, failure.kind)
        return super().__call__(environ, start_response)

    @staticmethod
    def answer(start_response, status, body, kind=None):
        text = json.dumps(body).encode()
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(text)))]
        if kind:
            headers.append(("x-amzn-ErrorType", kind))
        start_response(f"{status} {'OK' if status == 200 else 'Error'}", headers)
        return [text]

    def find(self, *key):
        if key not in self.kept:
            raise missing(" ".join(key))
        return self.kept[key]

    @staticmethod
    def cluster(region, name):
        clusters = eks_models.eks_backends[ACCOUNT][region].clusters
        if name not in clusters:
            raise missing(f"cluster {name}")
        return clusters[name]

    # EKS add-ons

    def addons(self, region, method, body, cluster):
        self.cluster(region, cluster)
        if method == "GET":
            return {"addons": [key[2] for key in self.kept if key[:2] == ("addon", cluster)]}
        name = body["addonName"]
        if ("addon", cluster, name) in self.kept:
            raise Failure("ResourceInUseException", f"{name} is there already", 409)
        addon = {
            "addonName": name,
            "clusterName": cluster,
            "status": "ACTIVE",
            "addonVersion": body.get("addonVersion") or "v1.0.0-eksbuild.1",
            "health": {"issues": []},
            "addonArn": f"arn:aws:eks:{region}:{ACCOUNT}:addon/{cluster}/{name}/{uuid.uuid4()}",
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "serviceAccountRoleArn": body.get("serviceAccountRoleArn"),
            "configurationValues": body.get("configurationValues"),
            "tags": body.get("tags", {}),
        }
        self.kept["addon", cluster, name] = addon
        return {"addon": addon}

    def addon(self, _region, method, _body, cluster, name):
        addon = self.find("addon", cluster, name)
        if method == "DELETE":
            del self.kept["addon", cluster, name]
        return {"addon": addon}

    def update_addon(self, _region, _method, body, cluster, name):
        addon = self.find("addon", cluster, name)
        for field in ("addonVersion", "serviceAccountRoleArn", "configurationValues"):
            if body.get(field) is not None:
                addon[field] = body[field]
        return self.update_done(None, None, None, cluster, str(uuid.uuid4()))

    # EKS access entries

    def entries(self, region, method, body, cluster):
        self.cluster(region, cluster)
        if method == "GET":
            return {"accessEntries": [key[2] for key in self.kept if key[:2] == ("access entry", cluster)]}
        principal = body["principalArn"]
        if ("access entry", cluster, principal) in self.kept:
            raise Failure("ResourceInUseException", f"{principal} has an entry already", 409)
        entry = {
            "clusterName": cluster,
            "principalArn": principal,
            "kubernetesGroups": body.get("kubernetesGroups", []),
            "accessEntryArn": f"arn:aws:eks:{region}:{ACCOUNT}:access-entry/{cluster}/{uuid.uuid4()}",
            "createdAt": time.time(),
            "modifiedAt": time.time(),
            "tags": body.get("tags", {}),
            "username": principal,
            "type": body.get("type", "STANDARD"),
        }
        self.kept["access entry", cluster, principal] = entry
        return {"accessEntry": entry}

    def entry(self, _region, method, body, cluster, principal):
        entry = self.find("access entry", cluster, principal)
        if method == "DELETE":
            for key in [key for key in self.kept if key[1:3] == (cluster, principal)]:
                del self.kept[key]
        if method == "POST":
            entry["kubernetesGroups"] = body.get("kubernetesGroups", entry["kubernetesGroups"])
        return {"accessEntry": entry}

    def policies(self, _region, method, body, cluster, principal):
        self.find("access entry", cluster, principal)
        if method == "POST":
            arn = body["policyArn"]
            policy = {"policyArn": arn, "accessScope": body["accessScope"], "associatedAt": time.time(), "modifiedAt": time.time()}
            self.kept["access policy", cluster, principal, arn] = policy
            return {"clusterName": cluster, "principalArn": principal, "associatedAccessPolicy": policy}
        held = [value for key, value in self.kept.items() if key[:3] == ("access policy", cluster, principal)]
        return {"clusterName": cluster, "principalArn": principal, "associatedAccessPolicies": held}

    def policy(self, _region, _method, _body, cluster, principal, arn):
        self.find("access policy", cluster, principal, arn)
        del self.kept["access policy", cluster, principal, arn]
        return {}

    # EKS updates: done at once

    def update_cluster(self, region, _method, body, name):
        self.cluster(region, name).version = body["version"]
        return self.update_done(None, None, None, name, str(uuid.uuid4()))

    def update_nodes(self, region, _method, body, cluster, name):
        groups = self.cluster(region, cluster).nodegroups
        if name not in groups:
            raise missing(f"node group {name}")
        if body.get("version"):
            groups[name].version = body["version"]
        if body.get("launchTemplate"):
            groups[name].launch_template.update(body["launchTemplate"])
        return self.update_done(None, None, None, cluster, str(uuid.uuid4()))

    @staticmethod
    def update_done(_region, _method, _body, _cluster, update):
        return {"update": {"id": update, "status": "Successful", "type": "VersionUpdate", "params": [], "errors": [], "createdAt": time.time()}}

    # MSK

    def configure(self, region, _method, body):
        arn = f"arn:aws:kafka:{region}:{ACCOUNT}:configuration/{body['name']}/{uuid.uuid4()}"
        self.kept["kafka configuration", arn] = {
            "arn": arn,
            "name": body["name"],
            "description": body.get("description", ""),
            "kafkaVersions": body.get("kafkaVersions", []),
            "state": "ACTIVE",
            "creationTime": moment(),
            "latestRevision": {"revision": 1, "creationTime": moment(), "description": body.get("description", "")},
            "serverProperties": body["serverProperties"],
        }
        return self.kept["kafka configuration", arn]

    def configuration(self, _region, method, _body, arn):
        configuration = self.find("kafka configuration", arn)
        if method == "DELETE":
            del self.kept["kafka configuration", arn]
            return {"arn": arn, "state": "DELETING"}
        return configuration

    def configuration_text(self, _region, _method, _body, arn, revision):
        configuration = self.find("kafka configuration", arn)
        return {"arn": arn, "revision": int(revision), "creationTime": moment(), "serverProperties": configuration["serverProperties"]}

    def brokers(self, region, arn):
        clusters = kafka_models.kafka_backends[ACCOUNT][region].clusters
        if arn not in clusters:
            raise missing(f"kafka cluster {arn}")
        return clusters[arn]

    def bootstrap(self, region, _method, _body, arn):
        cluster = self.brokers(region, arn)
        names = (f"b-{i + 1}.{cluster.cluster_name}.{region}.example" for i in range(cluster.number_of_broker_nodes))
        return {"bootstrapBrokerStringSaslScram": ",".join(f"{name}:9096" for name in names)}

    def scram(self, region, method, body, arn):
        self.brokers(region, arn)
        secrets = self.kept.setdefault(("kafka secrets", arn), [])
        for secret in body.get("secretArnList", []):
            secrets.remove(secret) if method == "PATCH" else secrets.append(secret)
        if not secrets:
            del self.kept["kafka secrets", arn]
        return {"clusterArn": arn, "unprocessedScramSecrets": [], "secretArnList": list(secrets)}


def main():
    mended.mend()
    # moto puts this port into addresses that it hands out.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["MOTO_PORT"] = str(port)
    server = make_server("127.0.0.1", port, Aws(), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.port}", flush=True)
    sys.stdin.read()  # until who started it closes the pipe, or is gone
    server.shutdown()


if __name__ == "__main__":
    main()
