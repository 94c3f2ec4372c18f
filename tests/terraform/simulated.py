"""The stack on a simulated AWS: state in S3, plan, apply, a second plan, destroy.

  simulated.py [--quick]     without PostgreSQL and the bucket of the state, for which terraform waits minutes
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import urllib.request

import yaml

HERE = pathlib.Path(__file__).resolve().parent
TREE = HERE.parent.parent / "terraform"
REGION = "eu-central-1"
TAGS = {"Project": "distributedai", "Stack": "distributedai-eks", "ManagedBy": "terraform", "Owner": "tests"}

GOING = "{enabled=true, deletion_protection=false, final_snapshot=false}"

# What the simulator forgets, and a second plan would therefore change. Each is seen to be kept once the
# simulator keeps it: then the test fails, and the line goes. Here: moto tells descriptions of rules for networks only.
FORGOTTEN = {"aws_vpc_security_group_ingress_rule": {"description"}}


class Wrong(Exception):
    pass


def check(right, what):
    if not right:
        raise Wrong(what)


def variables(postgres):
    return {
        "api_allowed_cidrs": ["203.0.113.7/32"],
        "cluster_admins": ["arn:aws:iam::123456789012:role/operators"],
        "tags": {"Owner": "tests"},
        "kafka": {"enabled": True},
        "postgres": {"enabled": postgres},
        "redis": {"enabled": True},
    }


class Terraform:
    """terraform in a copy of the tree, so that the tree gets no state and no provider."""

    def __init__(self, folder, environment):
        self.folder, self.environment = folder, environment

    def run(self, *arguments, codes=(0,)):
        command = ["terraform", f"-chdir={self.folder}", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=1500)
        if done.returncode not in codes:
            raise Wrong(f"terraform {' '.join(arguments)} answers {done.returncode}:\n{done.stdout[-1500:]}{done.stderr[-3000:]}")
        return done

    def init(self, *options):
        done = subprocess.run([HERE / "init", self.folder, *options], env=self.environment, timeout=600)
        if done.returncode == 3:
            sys.exit(3)
        check(done.returncode == 0, f"init in {self.folder} fails")

    def plan(self, *options, codes=(2,)):
        code = self.run("plan", "-input=false", "-no-color", "-detailed-exitcode", "-out=plan", *options, codes=codes).returncode
        return code, json.loads(self.run("show", "-json", "plan").stdout)

    def outputs(self):
        return {name: output["value"] for name, output in json.loads(self.run("output", "-json").stdout).items()}


@contextlib.contextmanager
def simulated_aws():
    server = subprocess.Popen([HERE / "aws", "up"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().strip()
        if not address:
            sys.exit(server.wait(60))
        yield address
    finally:
        server.stdin.close()
        server.wait(60)


def left(address):
    with urllib.request.urlopen(f"{address}/simulated/left?{REGION}", timeout=60) as answer:
        return set(json.load(answer))


def of_stack(plan):
    return [change for change in plan["resource_changes"] if change["mode"] == "managed"]


def at(thing, path):
    for step in path.split("."):
        thing = thing[int(step) if step.isdigit() else step]
    return thing


def monthly(plan):
    """The rough sum, as prices.yaml says it is to be made."""
    table = yaml.safe_load((TREE / "prices.yaml").read_text())
    total = 0
    for change in of_stack(plan):
        price, after = table["resources"].get(change["type"]), change["change"]["after"]
        if not price:
            check(change["type"] in table["free"] + table["by_use"], f"prices.yaml says nothing of {change['type']}")
            continue
        cost = price.get("month", 0)
        hour = price.get("hour", 0)
        if "class" in price:
            kind = at(after, price["class"])
            check(kind in hour, f"prices.yaml has no {kind} of {change['type']}")
            hour = hour[kind]
        cost += hour * table["hours_per_month"]
        if "gb" in price:
            where = price["gb"]
            size = plan["variables"][where[4:]]["value"] if where.startswith("var.") else at(after, where)
            cost += size * price["gb_month"]
        total += cost * (at(after, price["count"]) if "count" in price else 1) * (2 if "twice" in price and at(after, price["twice"]) else 1)
    return total


def check_plan(plan):
    for change in of_stack(plan):
        after = change["change"]["after"]
        tags = after.get("tags_all")
        if tags is not None:
            check(TAGS.items() <= tags.items(), f"{change['address']} lacks tags: {tags}")
        for specification in after.get("tag_specifications") or []:
            check(TAGS.items() <= specification["tags"].items(), f"{change['address']} gives no tags to {specification['resource_type']}")
        if "security_group_ingress" in change["type"] or change["type"] == "aws_security_group_rule":
            check(not after.get("cidr_ipv4") and not after.get("cidr_ipv6"), f"{change['address']} admits a network: {after}")
        check(not after.get("ingress"), f"{change['address']} has rules inline: {after.get('ingress')}")


def check_costs(which, plan, said=True):
    """Every resource has its price, and the docs say the sum."""
    costs = f"about {monthly(plan):.0f} USD a month"
    print(f"terraform: {which} {len(of_stack(plan))} resources, {costs}", flush=True)
    docs = (TREE.parent / "docs/deployment.md").read_text().replace("\n", " ")
    check(not said or costs in docs, f"docs/deployment.md does not say '{costs}' {which}")


def check_outputs(outputs, postgres):
    check(outputs["cluster_name"] == "distributedai-eks" and outputs["region"] == REGION, f"outputs: {outputs}")
    check(outputs["cluster_endpoint"].startswith("https://") and ":cluster/" in outputs["cluster_arn"], f"cluster: {outputs}")
    check(outputs["repository_url"].endswith("/distributedai-eks/mesh"), f"repository: {outputs['repository_url']}")
    check(len(outputs["service_account_roles"]) == 7, f"roles: {outputs['service_account_roles']}")
    check(outputs["kafka"]["bootstrap_brokers"].count(":9096") == 3 and outputs["kafka"]["security"] == "sasl_ssl", f"kafka: {outputs['kafka']}")
    check(outputs["redis"]["port"] == 6379 and outputs["redis"]["tls"] and outputs["redis"]["secret_arn"], f"redis: {outputs['redis']}")
    if postgres:
        check(outputs["postgres"]["port"] == 5432 and outputs["postgres"]["secret_arn"], f"postgres: {outputs['postgres']}")
    else:
        check("postgres" not in outputs, f"postgres: {outputs.get('postgres')}")


def check_second_plan(plan):
    forgotten = set()
    for change in of_stack(plan):
        if change["change"]["actions"] == ["no-op"]:
            continue
        check(change["change"]["actions"] == ["update"], f"a second plan would {change['change']['actions']} {change['address']}")
        before, after = change["change"]["before"], change["change"]["after"]
        differs = {name for name in after if before.get(name) != after[name]}
        check(differs <= FORGOTTEN.get(change["type"], set()), f"a second plan changes {differs} of {change['address']}")
        forgotten |= {(change["type"], name) for name in differs}
    made = {change["type"] for change in of_stack(plan)}
    for kind, names in FORGOTTEN.items():
        if kind in made:
            kept = names - {name for type_, name in forgotten if type_ == kind}
            check(not kept, f"the simulator keeps {kept} of {kind} by now: take it out of FORGOTTEN")


def check_rotation(stack, store, kind):
    _, plan = stack.plan(f'-replace=module.data.aws_secretsmanager_secret_version.credential["{store}"]')
    actions = next(change["change"]["actions"] for change in of_stack(plan) if change["type"] == kind)
    check(actions == ["update"], f"a new password does not reach {store}: {actions}")


def state_bucket(work, environment, **options):
    bootstrap = Terraform(work / "terraform/bootstrap", environment)
    bootstrap.init()
    (bootstrap.folder / "terraform.tfvars.json").write_text(json.dumps({"bucket": "mesh-state-of-tests", **options}))
    bootstrap.run("apply", "-input=false", "-no-color", "-auto-approve")
    (work / "state.config").write_text(bootstrap.outputs()["backend_config"])


def tried(work, address, whole):
    # Nothing of who runs this: neither an account nor variables.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "TF_VAR_"))}
    environment.update(
        AWS_ENDPOINT_URL=address, AWS_ACCESS_KEY_ID="any", AWS_SECRET_ACCESS_KEY="any", AWS_REGION=REGION,
        AWS_DEFAULT_REGION=REGION, AWS_EC2_METADATA_DISABLED="true", TF_IN_AUTOMATION="1",
    )
    shutil.copytree(TREE, work / "terraform", ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars*", "backend.tf"))
    stack, options = Terraform(work / "terraform", environment), []
    if whole:
        state_bucket(work, environment)
        (work / "terraform/backend.tf").write_text('terraform {\n  backend "s3" {}\n}\n')
        options = [f"-backend-config={work / 'state.config'}", "-backend-config=key=distributedai-eks"]
    stack.init(*options)
    values = work / "terraform/terraform.tfvars.json"
    values.write_text(json.dumps({"api_allowed_cidrs": []}))
    _, plain = stack.plan()
    check_costs("by default", plain)

    values.write_text(json.dumps(variables(whole)))
    before = left(address)
    _, plan = stack.plan()
    check_plan(plan)
    check_costs("with the stores", plan, said=whole)
    stack.run("apply", "-input=false", "-no-color", "plan")
    check_outputs(stack.outputs(), whole)
    check(left(address) - before, "nothing was made in the simulator")
    _, second = stack.plan(codes=(0, 2))
    check_second_plan(second)

    check_rotation(stack, *(("postgres", "aws_db_instance") if whole else ("redis", "aws_elasticache_replication_group")))

    if whole:  # the database is protected until it is said that it may go
        stack.run("apply", "-input=false", "-no-color", "-auto-approve", f"-var=postgres={GOING}")
    stack.run("destroy", "-input=false", "-no-color", "-auto-approve")
    still = {thing for thing in left(address) - before if not thing.startswith("s3 ")}
    check(not still, f"left behind: {sorted(still)}")


def main():
    whole = "--quick" not in sys.argv[1:]
    with tempfile.TemporaryDirectory() as work, simulated_aws() as address:
        try:
            tried(pathlib.Path(work), address, whole)
        except Wrong as wrong:
            print(f"terraform: {wrong}", flush=True)
            return 1
    print("terraform: applied, planned again, destroyed; nothing was left")
    return 0


if __name__ == "__main__":
    sys.exit(main())
