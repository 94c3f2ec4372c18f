#!/usr/bin/env python3
"""By a real Prometheus and real processes of meshd: the rules load, each alert has its section in docs/runbooks.md and
the other way round, and whatever a rule selects is in /metrics. Programs are those of PATH."""
import json
import os
import re
import shlex
import signal
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/support")
from processes import fail, free_port, process, until  # noqa: E402

RULES = "manifests/prometheus/alerts.yml"
PAGE = "docs/runbooks.md"
# What no process here can show, and why.
ELSEWHERE = {
    "up": "Prometheus itself makes it for each target",
    "kubelet_volume_stats_available_bytes": "needs a kubelet",
    "kubelet_volume_stats_capacity_bytes": "needs a kubelet",
}
FREE = 'listen: {users: "127.0.0.1:0", gateway: "127.0.0.1:0", publisher: "127.0.0.1:0", subscriber: "127.0.0.1:0", admin: "127.0.0.1:0"}\n'


def get(url):
    nobody = ssl.create_default_context()
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE  # a certificate of the test's own, over loopback
    try:
        with urllib.request.urlopen(url, timeout=10, context=nobody) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:  # an answer as well: /readyz says 503 at the end
        return error.read().decode()


def secured(folder):
    """http.tls with a certificate of the test's own."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=localhost", "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt"],
                   check=True, capture_output=True)
    return f"  tls: {{cert_file: {folder}/tls.crt, key_file: {folder}/tls.key}}\n"


def meshd_metrics(folder, http, rest, ask):
    """/metrics of a meshd that `ask` has sent commands, and that was then told to stop."""
    data = tempfile.mkdtemp(dir=folder) + "/data"
    with open(f"{folder}/meshd.yaml", "w", encoding="utf-8") as file:
        file.write(f"{FREE}http:\n  drain_delay: 60s\n{http}{rest}")

    # Nothing of the caller's: no context, no address.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MESH_")}

    def mesh(*words):
        return subprocess.run(["mesh", "--data-dir", data, *words], capture_output=True, check=False,
                              env={**clean, "XDG_CONFIG_HOME": folder}).returncode

    def address():
        with open(f"{data}/run.json", encoding="utf-8") as file:
            admin = json.load(file)["addresses"]["admin"]
            return admin if "://" in admin else f"http://{admin}"

    with process(folder, "meshd", "--config", f"{folder}/meshd.yaml", "--data-dir", data) as meshd:
        admin = until("the start of meshd", address)
        ask(mesh)
        meshd.send_signal(signal.SIGTERM)
        until("the end of readiness", lambda: "ready" != get(f"{admin}/readyz").strip())
        return get(f"{admin}/metrics")


def what_to_look_at():
    """The commands of the alerts' sections, but those of a folder that no meshd uses and those that go on in a pipe."""
    with open(PAGE, encoding="utf-8") as file:
        sections = re.search(r"^## Alerts$(.*?)^## ", file.read(), re.M | re.S)[1]
    for line in re.findall(r"^    mesh (.*)$", sections, re.M):
        words = shlex.split(line, comments=True)
        if "--data-dir" not in words and "|" not in words:
            yield words


def busy(mesh):
    if mesh("users", "create", "--tenant", "acme", "--email", "a@acme.dev", "--name", "Ann", "--wait") != 0 \
            or mesh("search", "ann", "--tenant", "acme") != 0:
        fail("a user cannot be created and searched")
    looked = 0
    for words in what_to_look_at():
        looked += 1
        if mesh(*words) != 0:
            fail(f"mesh {' '.join(words)} of {PAGE} fails on a mesh that is well")
    print(f"runbooks: {looked} commands to look with run")


def refused(mesh):
    # As a user of the tenant: operators have no limits.
    if mesh("users", "create", "--token", "acme:me", "--email", "a@acme.dev", "--name", "Ann", "--timeout", "2s") == 0:
        fail("a limiter that is away has refused nothing")


def loaded_rules(folder):
    port = free_port()
    with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as out:
        with open("manifests/stack/prometheus.yml", encoding="utf-8") as file:
            out.write(file.read().replace("alerts.yml", os.path.abspath(RULES)))
    with process(folder, "prometheus", f"--config.file={folder}/prometheus.yml",
                 f"--storage.tsdb.path={folder}/tsdb", f"--web.listen-address=127.0.0.1:{port}"):
        answer = until("Prometheus", lambda: json.loads(get(f"http://127.0.0.1:{port}/api/v1/rules")))
        return [rule for group in answer["data"]["groups"] for rule in group["rules"]]


LABEL = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')


def series_of(metrics):
    """name: [labels, …]"""
    found = {}
    for line in metrics.splitlines():
        if match := re.match(r"(\w+)(?:\{(.*)\})? ", line):
            labels = {name: value for name, _, value in LABEL.findall(match[2] or "")}
            found.setdefault(match[1], []).append(labels)
    return found


def selectors(query):
    """(name, [(label, operator, value), …]) of what a query selects."""
    bare = re.sub(r"\b(by|without|on|ignoring)\s*\([^)]*\)", " ", query)
    for match in re.finditer(r'\b([a-zA-Z_]\w*)(\{[^"{}]*(?:"(?:[^"\\]|\\.)*"[^"{}]*)*\})?(\s*\()?', blank_strings(bare)):
        name, matchers, call = match.groups()
        if call or name in ("and", "or", "unless", "offset", "bool"):
            continue
        matchers = bare[match.start(2):match.end(2)] if matchers else ""
        yield name, LABEL.findall(matchers)


def blank_strings(query):
    """Strings of the same length without words in them."""
    return re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: '"' + "." * len(match[1]) + '"', query)


def selects(series, matchers):
    def fits(labels):
        for label, operator, value in matchers:
            have = labels.get(label, "")
            equal = have == value if operator in ("=", "!=") else re.fullmatch(value, have) is not None
            if equal == operator.startswith("!"):
                return False
        return True
    # A denied label has to exist as well, or the denial says nothing.
    names = {label for label, _, _ in matchers}
    return any(names <= labels.keys() and fits(labels) for labels in series)


def check_sections(alerts):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    sections = re.findall(r"^### (Mesh\w+)$", page, re.M)
    if sorted(sections) != sorted(rule["name"] for rule in alerts):
        fail(f"alerts without a section of {PAGE}, or sections without an alert: "
             f"{set(sections) ^ {rule['name'] for rule in alerts}}")
    for rule in alerts:
        notes = rule["annotations"]
        if notes.get("runbook_url") != f"{PAGE}#{rule['name'].lower()}":
            fail(f"{rule['name']}: runbook_url is {notes.get('runbook_url')}")
        if not notes.get("summary") or not notes.get("description") or rule["labels"].get("severity") not in ("critical", "warning"):
            fail(f"{rule['name']} needs a summary, a description and a severity")
    for parts in re.findall(r"^### (Mesh\w+)\n(.*?)(?=^##|\Z)", page, re.M | re.S):
        for part in ("**Means.**", "**Users notice.**", "**Look.**", "**Do.**", "**Escalate**", "**Over**"):
            if part not in parts[1]:
                fail(f"the section {parts[0]} of {PAGE} has no {part}")


def check_names(metrics):
    """As Prometheus's conventions ask."""
    done = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        fail(f"promtool check metrics: {done.stdout}{done.stderr}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        alerts = loaded_rules(folder)
        if not alerts:
            fail("Prometheus has loaded no rule")
        check_sections(alerts)
        away = "limiter: {engine: redis, on_unavailable: deny}\nredis: {url: redis://127.0.0.1:1/0}\n"
        shown = [meshd_metrics(folder, secured(folder), "canary: on\n", busy), meshd_metrics(folder, "", away, refused)]
    for metrics in shown:
        check_names(metrics)
    series = series_of("\n".join(shown))
    asked = 0
    for rule in alerts:
        for name, matchers in selectors(rule["query"]):
            asked += 1
            if name not in ELSEWHERE and not selects(series.get(name, []), matchers):
                fail(f"{rule['name']} asks for {name} with {matchers}, which is not in /metrics")
    for name, reason in ELSEWHERE.items():
        print(f"runbooks: {name} was not looked for: {reason}")
    print(f"runbooks: {asked} selectors of {len(alerts)} rules find their series")


main()
