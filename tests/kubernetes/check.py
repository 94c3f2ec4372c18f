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
import objects as made
import planted
import policy

VERSIONS = ["1.30", "1.32", "1.34", "1.37"]
# What a person fills in, above the overlays of the clouds. That of EKS is the one of docs/deployment.md.
FILLED = ["MESH_KAFKA_BROKERS=b-1.kafka.example:9096,b-2.kafka.example:9096", "MESH_KAFKA_USERNAME=mesh",
          "MESH_POSTGRES_DSN=postgresql://mesh@db.example:5432/mesh?sslmode=verify-full", "MESH_REDIS_URL=redis://cache.example:6379/0",
          "MESH_JWT_ISSUER=https://id.example", "MESH_JWT_AUDIENCE=mesh", "MESH_JWKS_URL=https://id.example/keys"]


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


def findings(objects):
    """Of everything but meshd's own judgement."""
    for rule in (schemas, *policy.RULES):
        yield from rule(objects)
    yield from policy.versions(objects, project_version(), compose_versions())


def above(folder, text):
    """A kustomization of one's own, which names the overlay's folder relative to itself."""
    folder.mkdir(parents=True, exist_ok=True)
    overlays = pathlib.Path("../" * len(folder.resolve().parts[1:])) / str(made.ROOT).lstrip("/")
    (folder / "kustomization.yaml").write_text(text.replace("../mesh/", f"{overlays}/"))
    return folder


def filled(kubectl, overlay, work):
    """The overlay as its user makes it."""
    if overlay in ("minimal", "local"):
        return made.build(kubectl, made.ROOT / "manifests/overlays" / overlay)
    if overlay == "eks":
        page = (made.ROOT / "docs/deployment.md").read_text()
        text = re.search(r"    # kustomization.yaml\n((?:    .*\n|\n)+)", page)[1]
        text = re.sub("^    ", "", text, flags=re.M)
    else:
        text = yaml.safe_dump({"resources": [f"../mesh/manifests/overlays/{overlay}"], "namespace": policy.NAMESPACE,
                               "configMapGenerator": [{"name": "mesh-environment", "behavior": "merge", "literals": FILLED}]})
    return made.build(kubectl, above(pathlib.Path(work) / f"my-{overlay}", text))


def main(kubectl, meshd, work):
    bad = 0
    work = configurations.prepare(pathlib.Path(work))
    built = {overlay: filled(kubectl, overlay, work) for overlay in made.OVERLAYS}
    built["local, scaled by lag"] = made.build(kubectl, above(work / "by-lag", yaml.safe_dump(
        {"resources": ["../mesh/manifests/base"], "components": [f"../mesh/manifests/components/{c}" for c in
                                                                  ("redpanda", "postgres", "qdrant", "redis", "scaling-by-lag")]})))
    for overlay, objects in built.items():
        found = list(findings(objects))
        if overlay in made.OVERLAYS:
            found += configurations.refused(objects, meshd, work)
        for left in re.findall(r"\bACCOUNT\b|CHANGE", yaml.safe_dump(objects)):
            found.append(f"{left} is left in place")
        for one in found:
            print(f"kubernetes: {overlay}: {one}")
        bad += len(found)
    # As they are, those of the clouds are refused, by the keys that have to be filled in.
    for overlay in ("eks", "gke", "aks"):
        words = "\n".join(configurations.refused(made.build(kubectl, made.ROOT / "manifests/overlays" / overlay), meshd, work))
        for key in ("kafka.brokers", "postgres.dsn", "auth.jwt"):
            if key not in words:
                print(f"kubernetes: {overlay}: unfilled, meshd does not say that {key} is missing: {words}")
                bad += 1
    bad += planted.missed(built["local"], built["eks"], findings, lambda objects: configurations.refused(objects, meshd, work))
    if not bad:
        print(f"kubernetes: {sum(map(len, built.values()))} objects of {len(built)} builds, valid in {', '.join(VERSIONS)}")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
