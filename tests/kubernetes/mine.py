#!/usr/bin/env python3
"""An overlay as its user makes it: a kustomization of one's own above it, where it has to be filled in.

  mine.py OVERLAY FOLDER [IMAGE]     writes it into FOLDER
"""
import os
import pathlib
import re
import sys

import yaml

from objects import ROOT

REDIS = "MESH_REDIS_URL=redis://cache.example:6379/0"
# What a person fills in. For EKS it is what docs/deployment.md shows.
FILLED = ["MESH_KAFKA_BROKERS=b-1.kafka.example:9096,b-2.kafka.example:9096", "MESH_KAFKA_USERNAME=mesh",
          "MESH_POSTGRES_DSN=postgresql://mesh@db.example:5432/mesh?sslmode=verify-full", REDIS,
          "MESH_JWT_ISSUER=https://id.example", "MESH_JWT_AUDIENCE=mesh", "MESH_JWKS_URL=https://id.example/keys"]

# What `mesh deploy eks` says where the stores run in the cluster.
IN_CLUSTER = ["MESH_KAFKA_SECURITY=plaintext", "MESH_KAFKA_SASL=", "MESH_KAFKA_USERNAME=", "MESH_KAFKA_PASSWORD_FILE=", *FILLED[-3:]]


def shown():
    page = (ROOT / "docs/deployment.md").read_text()
    text = re.search(r"^    # kustomization.yaml\n((?:    .*\n)+)", page, flags=re.M)[1]
    return yaml.safe_load(re.sub("^    ", "", text, flags=re.M))


def kustomization(overlay):
    if overlay == "eks":
        return shown()
    mine = {"namespace": "distributedai", "resources": [f"../mesh/manifests/overlays/{overlay}"]}
    if overlay not in ("minimal", "local"):
        mine["configMapGenerator"] = [{"name": "mesh-environment", "behavior": "merge", "literals": list(FILLED)}]
    return mine


def write(folder, mine):
    """`../mesh/` of what is written is this project, by the way from the folder to it."""
    folder = pathlib.Path(folder).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(mine).replace("../mesh/", os.path.relpath(ROOT, folder) + "/")
    (folder / "kustomization.yaml").write_text(text)
    return folder


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    made = kustomization(sys.argv[1])
    if len(sys.argv) == 4:
        name, _, tag = sys.argv[3].rpartition(":")
        made["images"] = [{"name": "mesh", "newName": name, "newTag": tag}]
    write(sys.argv[2], made)
