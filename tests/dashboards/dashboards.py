#!/usr/bin/env python3
"""See tests/dashboards/run. Programs are those of PATH."""
import glob
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/support")
from processes import fail, free_port, process, until  # noqa: E402

FREE = "127.0.0.1:0"
CONFIG = f"""
listen: {{users: "{FREE}", gateway: "{FREE}", publisher: "{FREE}", subscriber: "{FREE}", admin: "{FREE}"}}
pipelines: {{retry: {{base: 10ms, cap: 20ms, max_attempts: 2}}}}
telemetry:
  log: {{level: debug, format: json}}
  otlp: {{endpoint: "http://127.0.0.1:1"}}
"""
EXAMPLES = "manifests/examples"


def ask(url, method="GET", body=None, headers=None):
    """Status and text of the answer, whatever it is."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


class Load(threading.Thread):
    """A little of everything, again and again: also what is refused, fails and dies."""

    def __init__(self, addresses, operator):
        super().__init__(daemon=True)
        self.addresses = addresses
        self.operator = {"Authorization": f"Bearer {operator}"}
        self.ended = threading.Event()
        self.error = None

    def call(self, role, method, path, body=None, tenant=None, expected=(200, 201, 202)):
        headers = {"Authorization": f"Bearer {tenant}:me"} if tenant else self.operator
        status, text = ask(f"http://{self.addresses[role]}{path}", method, body, headers)
        if status not in expected:
            raise ValueError(f"{method} {path} answers {status}, not {expected}: {text}")

    def round(self, n):
        for tenant in ("acme", "globex"):
            self.call("users", "POST", "/users/create", {"email": f"u{n}@{tenant}.dev", "name": f"User {n}"}, tenant)
            self.call("gateway", "GET", "/ai/users/search?query=user", tenant=tenant)
            self.call("publisher", "POST", "/api/v1/events/analytics", {"user_id": "7", "event_type": "login"}, tenant)
            self.call("publisher", "POST", "/api/v1/events/chemical",
                      {"molecule_id": f"m{n}", "researcher": "r", "data": {"formula": "H2O"}}, tenant)
            self.call("publisher", "POST", "/api/v1/events/analytics", {"user_id": 7}, tenant, (400, 422))
        self.call("gateway", "GET", "/ai/users/search?query=x", tenant="limited", expected=(200, 429))
        # As another producer wrote it; its pipeline cannot take it.
        headers = {"ce_specversion": "1.0", "ce_id": f"broken-{n}", "ce_type": "chemical.recorded", "ce_source": "/other",
                   "ce_subject": f"broken-{n}", "ce_tenantid": "acme", "content-type": "application/json"}
        self.call("admin", "POST", "/admin/v1/events", {"topic": "chemical.events", "records": [
            {"key": f"acme/broken-{n}", "headers": headers, "value": {"researcher": "r"}}]})
        host, port = self.addresses["users"].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as bad:
            bad.sendall(b"no request\r\n\r\n")
            bad.recv(1024)

    def run(self):
        try:
            self.call("admin", "POST", "/admin/v1/tenants", {"id": "limited"})
            self.call("admin", "PUT", "/admin/v1/ratelimits/limited/search", {"rate": 1, "per": "1h", "burst": 1})
            n = 0
            while not self.ended.is_set():
                self.round(n)
                n += 1
                self.ended.wait(0.1)
        except (OSError, ValueError) as error:
            self.error = error


class Prometheus:
    def __init__(self, url):
        self.url = url

    def get(self, path, **parameters):
        status, text = ask(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        answer = json.loads(text)
        if status != 200 or answer["status"] != "success":
            fail(f"{path} {parameters}: {answer.get('error', text)}")
        return answer["data"]

    def series(self, query):
        """The labels of what a query finds, but for NaN."""
        found = self.get("query", query=query.replace("$__rate_interval", "15s"))["result"]
        return [one["metric"] for one in found if not math.isnan(float(one["value"][1]))]


def dashboards():
    """name: [(panel, query, labels of its legend)]"""
    found = {}
    for path in sorted(glob.glob("manifests/grafana/*.json")):
        with open(path, encoding="utf-8") as file:
            board = json.load(file)
        if len({panel["id"] for panel in board["panels"]}) != len(board["panels"]):
            fail(f"{path}: two panels have one id")
        name = board["uid"]
        if name in found or not board["title"].startswith("mesh: "):
            fail(f"{path}: the uid {name} is another's, or the title does not begin with mesh:")
        found[name] = [(panel["title"], target["expr"], re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                       for panel in board["panels"] for target in panel["targets"]]
    if sorted(found) != ["mesh-engines", "mesh-overview", "mesh-pipelines", "mesh-tenants"]:
        fail(f"the dashboards are {sorted(found)}")
    return found


def check_queries(prometheus, load):
    asked = 0
    for board, queries in dashboards().items():
        for panel, query, labels in queries:
            def answer(query=query):
                if load.error:
                    fail(f"the load broke: {load.error}")
                return prometheus.series(query)
            series = until(f"data of {board}, {panel}: {query}", answer, seconds=120)
            # One that adds a zero has a series without labels beside the others.
            if labels and not any(set(labels) <= one.keys() for one in series) and "vector(0)" not in query:
                fail(f"{board}, {panel}: {query} gives {series[0]}, and the legend shows {labels}")
            asked += 1
    print(f"dashboards: {asked} queries of {len(dashboards())} dashboards give data")


def check_exemplars(prometheus):
    def found():
        now = time.time()
        data = prometheus.get("query_exemplars", query="mesh_http_request_seconds_bucket", start=now - 300, end=now)
        return [one for series in data for one in series["exemplars"]]
    exemplars = until("exemplars", found, seconds=120)
    if not all(re.fullmatch("[0-9a-f]{32}", one["labels"]["trace_id"]) for one in exemplars):
        fail(f"an exemplar has no trace: {exemplars[0]}")
    print(f"dashboards: Prometheus holds {len(exemplars)} exemplars")


def check_names(text):
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, check=False)
    if checked.returncode != 0 or checked.stderr.strip():
        fail(f"promtool check metrics: {checked.stdout}{checked.stderr}")
    names = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    standard = {"process_cpu_seconds_total", "process_open_fds", "process_max_fds", "process_virtual_memory_bytes",
                "process_resident_memory_bytes", "process_start_time_seconds"}
    if not standard <= names:
        fail(f"/metrics has no {standard - names}")
    print(f"dashboards: promtool takes the names of {len(names)} metrics")


def check_alertmanager():
    config = f"{EXAMPLES}/alertmanager.yml"
    subprocess.run(["amtool", "check-config", config], check=True, stdout=subprocess.DEVNULL)
    with open("manifests/prometheus/alerts.yml", encoding="utf-8") as file:
        rules = file.read()
    severities = set(re.findall(r"severity: (\w+)", rules))
    receivers = {"critical": "pagerduty", "warning": "mail"}
    if severities != set(receivers):
        fail(f"the rules have {severities}, and {config} routes {set(receivers)}")
    for severity, receiver in receivers.items():
        routed = subprocess.run(["amtool", "config", "routes", "test", f"--config.file={config}", f"severity={severity}"],
                                check=True, capture_output=True, text=True).stdout.strip()
        if routed != receiver:
            fail(f"{config}: {severity} goes to {routed}")
    with open(config, encoding="utf-8") as file:
        for name in re.findall(r'alertname="(\w+)"', file.read()):
            if f"alert: {name}\n" not in rules:
                fail(f"{config} names the alert {name}, which is not there")


def check_log_fields(lines):
    with open(f"{EXAMPLES}/vector.toml", "rb") as file:
        vector = tomllib.load(file)
    for name in ("transforms", "sinks"):
        for component in vector[name].values():
            for source in component["inputs"]:
                if source not in {**vector["sources"], **vector["transforms"]}:
                    fail(f"vector.toml has no {source}")
    stream = vector["sinks"]["elasticsearch"]["data_stream"]
    with open(f"{EXAMPLES}/elasticsearch-logs-mesh.json", encoding="utf-8") as file:
        template = json.load(file)
    if f"{stream['type']}-{stream['dataset']}-*" not in template["index_patterns"]:
        fail("the template is not of the stream that vector.toml writes")
    mapped = template["template"]["mappings"]["properties"]
    line = next(line for line in lines if line["message"] == "http request" and line["status"] in (400, 422) and line["tenant"])
    # As vector.toml makes it.
    line["@timestamp"] = line.pop("time")
    line["host"] = "from the journal"
    if line.keys() != mapped.keys():
        fail(f"a line of the access log and the template differ in {line.keys() ^ mapped.keys()}")
    kinds = {"date": str, "keyword": str, "match_only_text": str, "short": int, "long": int}
    for field, how in mapped.items():
        if not isinstance(line[field], kinds[how["type"]]):
            fail(f"{field} is {line[field]!r}, which is no {how['type']}")
    print(f"dashboards: {len(mapped)} fields of the log are those that Elasticsearch is told of")


def main():
    check_alertmanager()
    for name in [name for name in os.environ if name.startswith("MESH_")]:
        del os.environ[name]  # nothing of the caller's
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/meshd.yaml", "w", encoding="utf-8") as file:
            file.write(CONFIG)

        def addresses():
            with open(f"{folder}/data/run.json", encoding="utf-8") as file:
                return json.load(file)["addresses"]

        with process(folder, "meshd", "--config", f"{folder}/meshd.yaml", "--data-dir", f"{folder}/data"):
            where = until("the start of meshd", addresses, seconds=120)
            with open(f"{folder}/data/operator.token", encoding="utf-8") as file:
                load = Load(where, file.read().strip())
            load.start()
            port = free_port()
            with open(f"{folder}/prometheus.yml", "w", encoding="utf-8") as file:
                json.dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [
                    {"job_name": "meshd", "static_configs": [{"targets": [where["admin"]]}]}]}, file)
            with process(folder, "prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                         "--enable-feature=exemplar-storage", f"--web.listen-address=127.0.0.1:{port}"):
                prometheus = Prometheus(f"http://127.0.0.1:{port}")
                until("Prometheus", lambda: ask(f"{prometheus.url}/-/ready")[0] == 200, seconds=120)
                check_queries(prometheus, load)
                check_exemplars(prometheus)
            load.ended.set()
            load.join()
            if load.error:
                fail(f"the load broke: {load.error}")
            check_names(ask(f"http://{where['admin']}/metrics")[1])
        with open(f"{folder}/meshd.log", encoding="utf-8") as file:
            check_log_fields([json.loads(line) for line in file])


if not shutil.which("meshd"):
    fail("no meshd in PATH")
main()
