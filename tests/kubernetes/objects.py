"""The objects that an overlay builds, and the parts of them that the checks ask for."""
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
OVERLAYS = ["minimal", "local", "eks", "gke", "aks"]
# What docs/deployment.md puts into the one Secret.
SECRET_KEYS = {"mesh-secrets": {"operator_token", "postgres_password", "redis_password", "qdrant_api_key", "kafka_password"}}


def build(kubectl, folder):
    """What `kubectl kustomize` makes of a folder; a broken one raises with its words."""
    made = subprocess.run([kubectl, "kustomize", str(folder)], capture_output=True, text=True)
    if made.returncode:
        raise ValueError(f"{folder}: {made.stderr.strip()}")
    return [one for one in yaml.safe_load_all(made.stdout) if one]


def name(one):
    return f"{one['kind']}/{one['metadata']['name']}"


def of_kind(objects, *kinds):
    return [one for one in objects if one["kind"] in kinds]


def template(one):
    """The pod template of a workload, or nothing."""
    return one["spec"].get("template") if one["kind"] in ("Deployment", "StatefulSet", "Job", "DaemonSet") else None


def workloads(objects):
    return [one for one in objects if template(one)]


def containers(one):
    pod = template(one)["spec"]
    return pod.get("initContainers", []) + pod["containers"]


def is_meshd(container):
    return container["name"] == "meshd"


def labels(one):
    return template(one)["metadata"].get("labels", {})


def selects(selector, wanted):
    """Whether a label selector, or the plain one of a Service, takes these labels."""
    return all(wanted.get(key) == value for key, value in selector.get("matchLabels", selector).items())


def environment(objects, container):
    """The variables of a container, those of Secrets as None."""
    maps = {one["metadata"]["name"]: one.get("data", {}) for one in of_kind(objects, "ConfigMap")}
    out = {}
    for source in container.get("envFrom", []):
        out.update(maps.get(source["configMapRef"]["name"], {}))
    for variable in container.get("env", []):
        out[variable["name"]] = variable.get("value")
    return out
