#!/usr/bin/env python3
"""Builds every overlay and checks what comes of it; then plants offences that the checks must find.

  check.py KUBECTL MESHD WORK
"""
import pathlib
import re
import sys

import kubernetes_validate
import yaml

import configurations
import mine
import objects as made
import planted
import policy

VERSIONS = ["1.30", "1.32", "1.34", "1.37"]


def schemas(objects):
    for version in VERSIONS:
        for one in objects:
            try:
                kubernetes_validate.validate(one, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.InvalidSchemaError) as wrong:
                yield f"{made.name(one)}: Kubernetes {version}: {wrong.message}"


def project_version():
    return re.search(r"project\(mesh VERSION (\S+)", (made.ROOT / "CMakeLists.txt").read_text())[1]


def compose_versions():
    services = yaml.safe_load((made.ROOT / "manifests/compose.yaml").read_text())["services"]
    return dict(service["image"].rsplit(":", 1) for service in services.values() if "image" in service)


def rules(objects):
    for rule in policy.RULES:
        yield from rule(objects)
    yield from policy.versions(objects, project_version(), compose_versions())


def main(kubectl, meshd, work):
    bad = 0
    work = configurations.prepare(pathlib.Path(work))
    built = {overlay: made.build(kubectl, mine.write(work / overlay, mine.kustomization(overlay))) for overlay in made.OVERLAYS}
    # With what docs/deployment.md offers beside the overlays.
    for component in ("scaling-by-lag", "limits-in-memory", "redis"):
        other = mine.kustomization("gke") | {"components": [f"../mesh/manifests/components/{component}"]}
        if component != "scaling-by-lag":
            del other["configMapGenerator"][0]["literals"][mine.FILLED.index(mine.REDIS)]
        built[f"gke with {component}"] = made.build(kubectl, mine.write(work / component, other))
    # And the stores that `mesh deploy eks` lays over its overlay.
    stores = ["redpanda", "postgres", "redis", "claims-on-gp3"]
    eks = mine.kustomization("eks") | {"components": [f"../mesh/manifests/components/{store}" for store in stores]}
    eks["configMapGenerator"] = [{"name": "mesh-environment", "behavior": "merge", "literals": mine.IN_CLUSTER}]
    built["eks with stores"] = made.build(kubectl, mine.write(work / "eks-stores", eks))
    for overlay, objects in built.items():
        found = [*schemas(objects), *rules(objects)]
        found += configurations.refused(objects, meshd, work)
        for one in found:
            print(f"kubernetes: {overlay}: {one}")
        bad += len(found)
    for one in made.of_kind(built["eks"], "ServiceAccount"):
        role = one["metadata"].get("annotations", {}).get("eks.amazonaws.com/role-arn")
        # A role of terraform/ is for one account.
        if one["metadata"]["name"] != "qdrant" and not re.fullmatch(rf"arn:aws:iam::\d{{12}}:role/\S+-{one['metadata']['name']}", role or ""):
            print(f"kubernetes: eks: {made.name(one)}: the role of docs/deployment.md is not in place of {role}")
            bad += 1
    # As they are, those of the clouds are refused.
    for overlay in ("eks", "gke", "aks"):
        words = "\n".join(configurations.refused(made.build(kubectl, made.ROOT / "manifests/overlays" / overlay), meshd, work, planted.USERS))
        if "kafka.brokers: the list is empty" not in words:
            print(f"kubernetes: {overlay}: unfilled, meshd does not say what is missing, but: {words}")
            bad += 1
    bad += planted.missed(built["local"], built["eks"], rules, schemas, lambda objects: configurations.refused(objects, meshd, work, planted.USERS))
    if not bad:
        print(f"kubernetes: {sum(map(len, built.values()))} objects of {len(built)} builds, valid in {', '.join(VERSIONS)}")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
