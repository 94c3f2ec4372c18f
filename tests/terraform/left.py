"""What the simulator holds: a line per thing. Compared before and after, it tells what a destroy left."""

from moto.backends import get_backend
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT

# Where each backend keeps what this stack makes.
REGIONAL = {
    "dynamodb": ["tables"],
    "ec2": [
        "addresses", "flow_logs", "groups", "internet_gateways", "launch_templates", "nat_gateways", "route_tables",
        "subnets", "vpc_end_points", "vpcs",
    ],
    "ecr": ["repositories"],
    "eks": ["clusters"],
    "elasticache": ["cache_subnet_groups", "replication_groups"],
    "kafka": ["clusters"],
    "kms": ["keys"],
    "logs": ["groups"],
    "rds": ["databases", "database_snapshots", "db_parameter_groups", "subnet_groups"],
    "secretsmanager": ["secrets"],
}
GLOBAL = {
    "iam": ["open_id_providers", "roles"],
    "s3": ["buckets"],
}
# AWS, too, remembers these for a while after they went.
GONE = ("deleted", "PendingDeletion")


def names(collection):
    if isinstance(collection, list):  # elastic addresses
        collection = {thing.allocation_id: thing for thing in collection}
    for name, thing in collection.items():
        if isinstance(thing, (dict, list)):  # groups within a VPC, subnets within a zone
            yield from names(thing)
        elif getattr(thing, "state", None) not in GONE and getattr(thing, "key_state", None) not in GONE:
            yield str(name)


def everything(kept, region):
    lines = [" ".join(key) for key in kept]
    for backends, place in ((REGIONAL, region), (GLOBAL, "aws")):
        for service, collections in backends.items():
            backend = get_backend(service)[ACCOUNT][place]
            for collection in collections:
                lines += [f"{service} {collection} {name}" for name in names(getattr(backend, collection))]
    return sorted(lines)
