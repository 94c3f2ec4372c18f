"""Every pod of meshd has a configuration that meshd itself takes, and time to end by it."""
import os
import pathlib
import re
import subprocess

import yaml

from objects import SECRET_KEYS, containers, environment, is_meshd, name, of_kind, template, workloads

COMMIT = 5  # seconds that are left when http.drain_timeout has passed


def _seconds(text):
    return sum(int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit] for number, unit in re.findall(r"(\d+)(ms|s|m|h)", text))


def _configuration(objects, one):
    """The text of meshd.yaml that a workload mounts where meshd looks for it."""
    pod = template(one)["spec"]
    mounts = {mount["mountPath"]: mount["name"] for container in containers(one) for mount in container["volumeMounts"]}
    volume = next(volume for volume in pod["volumes"] if volume["name"] == mounts["/etc/mesh"])
    config = next(c for c in of_kind(objects, "ConfigMap") if c["metadata"]["name"] == volume["configMap"]["name"])
    return config["data"]["meshd.yaml"]


def _ask(meshd, work, objects, one, container, flag):
    """Calls meshd as in the pod, but that the files it names stand in `work`."""
    here = lambda text: text.replace("/run/secrets/mesh", str(work / "secrets")).replace("/var/lib/mesh", str(work / "data")).replace("/etc/ssl/mesh", str(work / "ca"))
    (work / "meshd.yaml").write_text(here(_configuration(objects, one)))
    variables = {key: here(value) for key, value in environment(objects, container).items() if value is not None}
    # With what the pod gives it, as --prepare: a flag that meshd does not know is an error.
    return subprocess.run([meshd, flag, *container.get("args", [])], capture_output=True, text=True, cwd=work, env={"PATH": os.environ["PATH"], "MESH_CONFIG": str(work / "meshd.yaml"), **variables})


def prepare(work):
    """What the Secret and a folder of a pod hold."""
    work = pathlib.Path(work)
    for folder in ("secrets", "data", "ca"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    for key in SECRET_KEYS["mesh-secrets"]:
        (work / "secrets" / key).write_text("0123456789abcdef" * 4)
        (work / "secrets" / key).chmod(0o600)
    return work


def refused(objects, meshd, work, only=None):
    """What meshd says against its pods' configurations, or those of one workload: nothing where it would start."""
    for one in workloads(objects):
        if only not in (None, name(one)):
            continue
        for container in containers(one):
            if not is_meshd(container):
                continue
            checked = _ask(meshd, work, objects, one, container, "--check-config")
            if checked.returncode:
                yield f"{name(one)}: {checked.stderr.strip()}"
                continue
            if checked.stderr:
                yield f"{name(one)}: warns: {checked.stderr.strip()}"
            shown = yaml.safe_load(_ask(meshd, work, objects, one, container, "--print-config").stdout)
            ports = {port["name"]: port["containerPort"] for port in container.get("ports", [])}
            listens = {role: int(shown["listen"][role].rpartition(":")[2]) for role in shown["roles"] if role != "pipelines"}
            if one["kind"] == "Job":
                continue
            if ports != listens:
                yield f"{name(one)}: its ports are {ports}, meshd listens on {listens}"
            stop = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            needs = stop + _seconds(shown["http"]["drain_delay"]) + _seconds(shown["http"]["drain_timeout"]) + COMMIT
            grace = template(one)["spec"].get("terminationGracePeriodSeconds", 30)
            if grace < needs:
                yield f"{name(one)}: is killed after {grace} s, and needs {needs:g} s to end"
