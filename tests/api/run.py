"""Tries every listener of a real meshd by its own description. See scripts/api --help."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree

from meshd import Meshd

HERE = pathlib.Path(__file__).parent
LETTERS = "/admin/v1/dlq/chemical.events/letters?limit=100"
# The slowest first, since they run side by side.
LISTENERS = ["admin", "users", "publisher", "gateway", "subscriber"]


def fill(meshd):
    """Something of everything, since an empty house answers little; returns the dead letters."""
    for name in ["Alice Smith", "Bob Müller", "Işıl Öz"]:
        address = name.split()[0].lower() + "@acme.dev"
        meshd.ask("users", "POST", "/users/create", {"email": address, "name": name})
    # Else whether a type is taken would depend on more than the schema.
    acme = {"id": "acme", "name": "Acme", "allow_unknown_types": True}
    meshd.ask("admin", "POST", "/admin/v1/tenants", acme)
    meshd.ask("admin", "POST", "/admin/v1/tenants", {"id": "globex"})
    meshd.ask(
        "publisher", "POST", "/api/v1/events/analytics", {"user_id": "u1", "event_type": "click"}
    )
    experiment = {
        "molecule_id": "aspirin",
        "researcher": "Dr. Jane Smith",
        "data": {"formula": "C9H8O4"},
    }
    meshd.ask("publisher", "POST", "/api/v1/events/chemical", experiment)
    # No molecule: dead letters, in whatever partitions the keys fall into.
    broken = [
        {
            "key": f"acme/{i}",
            "value": {"researcher": "nobody"},
            "headers": {
                "ce_type": "chemical.recorded",
                "ce_id": f"broken-{i}",
                "ce_tenantid": "acme",
            },
        }
        for i in range(16)
    ]
    meshd.ask("admin", "POST", "/admin/v1/events", {"topic": "chemical.events", "records": broken})
    rebuild = meshd.ask("admin", "POST", "/admin/v1/indexes/rebuild")
    meshd.ask("admin", "GET", f"/admin/v1/tasks/{rebuild['id']}?wait=25")
    deadline = time.monotonic() + 60
    while len(letters := meshd.ask("admin", "GET", LETTERS)["items"]) < len(broken):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{len(letters)} of {len(broken)} events died within a minute")
        time.sleep(0.05)
    return [f"{letter['partition']}:{letter['offset']}" for letter in letters]


def operations_of(description):
    methods = {"get", "put", "post", "delete", "patch", "head", "options", "trace"}
    return [
        f"{method.upper()} {path}"
        for path, item in description["paths"].items()
        for method in item
        if method in methods and not is_stream(item[method])
    ]


def is_stream(operation):
    """It is left out by schemathesis.toml, since its answer has no end."""
    return any("text/event-stream" in answer.get("content", {}) for answer in operation["responses"].values())


def judge(report, operations):
    """What schemathesis's own exit code would not tell: whether it came round to all of them."""
    asked = set()
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("skipped") is None:
            asked.add(case.get("name"))
    left_out = [operation for operation in operations if operation not in asked]
    return "these operations were not tried: " + ", ".join(left_out) if left_out else ""


def try_listener(listener, options):
    log = options.logs / f"{listener}.log"
    report = options.logs / f"{listener}.xml"
    # From a file: where schemathesis takes it from the server it leaves that operation out.
    file = options.logs / f"{listener}.json"
    with Meshd(options.bin / "meshd") as meshd:
        letters = fill(meshd)
        description = meshd.ask(listener, "GET", "/openapi.json")
        file.write_text(json.dumps(description))
        operations = operations_of(description)
        command = [
            sys.executable, "-B", "-c", "from schemathesis.cli import schemathesis; schemathesis()",
            "--config-file", HERE / "schemathesis.toml",
            "run", file,
            "--url", meshd.url(listener),
            "--header", "Authorization: Bearer " + meshd.token(listener),
            "--seed", str(options.seed),
            "--max-examples", str(options.examples),
            "--report", "junit", "--report-junit-path", report,
            "--no-color", "--output-sanitize", "false",
        ]  # fmt: skip
        environment = dict(
            os.environ,
            PYTHONPATH=str(HERE),
            MESH_API_FOLDER=str(meshd.folder),
            MESH_API_LETTERS=" ".join(letters),
        )
        with open(log, "wb") as out:
            code = subprocess.run(
                command, stdout=out, stderr=subprocess.STDOUT, cwd=options.logs, env=environment
            ).returncode
    if code != 0:
        return log.read_text(errors="replace")
    return judge(report, operations)


def try_client(options):
    sys.path.insert(0, str(HERE))
    import client

    with Meshd(options.bin / "meshd") as meshd:
        return client.fault_of(meshd, options.logs)


def timed(work, *arguments):
    begin = time.monotonic()
    try:
        fault = work(*arguments)
    except Exception as error:  # a meshd that does not start or end is a result, too
        fault = f"{type(error).__name__}: {error}"
    return fault, time.monotonic() - begin


def main():
    parser = argparse.ArgumentParser(prog="api", add_help=False)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--examples", type=int, default=20)
    parser.add_argument("--bin", type=pathlib.Path)
    parser.add_argument("--logs", type=pathlib.Path)
    options = parser.parse_args()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
    options.bin = options.bin.resolve()
    options.logs = options.logs.resolve()
    options.logs.mkdir(parents=True, exist_ok=True)

    known = [*LISTENERS, "client"]
    for name in options.names:
        if name not in known:
            parser.error(f"there is no {name}: it is one of {', '.join(known)}")
    wanted = options.names or known
    failed = False
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {}
        for name in wanted:
            work = [try_client] if name == "client" else [try_listener, name]
            running[pool.submit(timed, *work, options)] = name
        for done in concurrent.futures.as_completed(running):
            name = running[done]
            fault, seconds = done.result()
            failed = failed or bool(fault)
            print(f"api {name:<28} {'FAILED' if fault else f'{seconds:.0f} s'}", flush=True)
            if fault:
                again = f"./scripts/api {name} --seed {options.seed} --examples {options.examples}"
                print(f"{fault.rstrip()}\nagain: {again}\n", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
