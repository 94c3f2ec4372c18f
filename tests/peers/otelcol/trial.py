#!/usr/bin/env python3
"""See scripts/otel-test: trial.py COLLECTOR, with meshd in PATH."""
import contextlib
import http.server
import json
import os
import re
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, "tests/support")
from processes import fail, free_port, process, until  # noqa: E402

FREE = "127.0.0.1:0"
USER, EVENT, DEAD = (f"{n:032x}" for n in (1, 2, 3))
BATCH = [f"{n:032x}" for n in (11, 12, 13)]
REQUEST, EVENT_REQUEST = "POST /users/create", "POST /api/v1/events/analytics"
# Of each trace of a client: its spans, and what each is a part of.
TRACES = {
    USER: {REQUEST: "client", "outbox relay": REQUEST, "log append": "outbox relay", "pipeline attempt": REQUEST,
           "embed": "pipeline attempt", "index": "pipeline attempt"},
    EVENT: {EVENT_REQUEST: "client", "log append": EVENT_REQUEST, "pipeline attempt": EVENT_REQUEST},
    **dict.fromkeys(BATCH, {"log append": "client", "pipeline attempt": "client"}),
    DEAD: {"pipeline attempt": "client"}}  # not sampled: its failure alone


def ask(url, method="GET", body=None, **headers):
    """Status and text of the answer, whatever it is."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def call(url, body, expected, **headers):
    status, text = ask(url, "POST", body, **headers)
    if status != expected:
        fail(f"POST {url} answers {status}, not {expected}: {text}")


def client_span(trace):
    """The id of the span that a client's trace begins with."""
    return trace[16:]


def traceparent(trace, sampled=True):
    return f"00-{trace}-{client_span(trace)}-0{int(sampled)}"


def pump(source, target, said):
    """One direction of a connection, until a side has gone."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            said.extend(data)
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


class Tap(socketserver.ThreadingTCPServer):
    """Stands between meshd and the Collector, changes nothing, and keeps what meshd says."""
    daemon_threads = True

    def __init__(self, collector):
        super().__init__(("127.0.0.1", 0), None)
        self.collector = collector
        self.said = []  # of each connection

    def finish_request(self, request, client_address):
        self.said.append(bytearray())
        with socket.create_connection(("127.0.0.1", self.collector)) as collector:
            answers = threading.Thread(target=pump, args=(collector, request, bytearray()))
            answers.start()
            pump(request, collector, self.said[-1])
            answers.join()

    def bodies(self):
        """Those of the requests, which are whole when meshd has ended."""
        found = []
        for said in self.said:
            rest = bytes(said)
            while rest:
                head, _, rest = rest.partition(b"\r\n\r\n")
                length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
                found.append(json.loads(rest[:length]))
                rest = rest[length:]
        return found


class Sink(http.server.ThreadingHTTPServer):
    """Takes what the Collector hands on."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.bodies = []


class Answer(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802 - the name is http.server's
        self.server.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serving(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


def bare(value):
    """Without members that are empty or 0: JSON of protobuf may have or omit them."""
    if isinstance(value, dict):
        members = {name: bare(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in ("", 0, None, [], {})}
    return [bare(member) for member in value] if isinstance(value, list) else value


def spans_of(bodies):
    """Each span by its ids, with the resource and the scope that it came under."""
    return {(span["traceId"], span["spanId"]): bare({"resource": of["resource"], "scope": scope["scope"], **span})
            for body in bodies for of in body["resourceSpans"] for scope in of["scopeSpans"] for span in scope["spans"]}


def attributes(of):
    return {one["key"]: next(iter(one["value"].values())) for one in of.get("attributes", [])}


def traces_of(spans):
    """What TRACES should be."""
    found = {}
    for trace in TRACES:
        names = {ids[1]: span["name"] for ids, span in spans.items() if ids[0] == trace}
        names[client_span(trace)] = "client"
        found[trace] = {span["name"]: names.get(span.get("parentSpanId"), "nothing")
                        for ids, span in spans.items() if ids[0] == trace}
    return found


def named(spans, trace, name):
    return [span for ids, span in spans.items() if ids[0] == trace and span["name"] == name]


def dead(spans):
    return [one for one in named(spans, DEAD, "pipeline attempt") if attributes(one).get("mesh.outcome") == "dead"]


def counter(text, name):
    """The sum of the series whose line begins so; 0 where there is none."""
    return sum(float(value) for value in re.findall(rf"^{re.escape(name)}.* (\S+)$", text, re.M))


def write(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)  # which is YAML too


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def collector_config(receives, sink, metrics):
    host = "127.0.0.1"
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"{host}:{receives}"}}}},
        "exporters": {"otlp_http": {"endpoint": f"http://{host}:{sink}", "encoding": "json", "compression": "none"}},
        "service": {
            "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["otlp_http"]}},
            "telemetry": {
                "logs": {"level": "warn"},
                "metrics": {"level": "detailed",
                            "readers": [{"pull": {"exporter": {"prometheus": {"host": host, "port": metrics}}}}]}}}}


def meshd_config(port):
    roles = ("users", "gateway", "publisher", "subscriber", "admin")
    return {"listen": dict.fromkeys(roles, FREE),
            "pipelines": {"retry": {"base": "10ms", "cap": "20ms", "max_attempts": 2}},
            "telemetry": {"log": {"level": "warn"}, "otlp": {"endpoint": f"http://127.0.0.1:{port}", "sample": 1}}}


def act(where, operator):
    """A user, an event, a call with three events of three traces, and an event that its pipeline cannot take."""
    def url(role, path):
        return f"http://{where[role]}{path}"
    tenant = "Bearer acme:alice"
    call(url("users", "/users/create"), {"email": "t@acme.dev", "name": "T"}, 201, Authorization=tenant,
         traceparent=traceparent(USER))
    call(url("publisher", "/api/v1/events/analytics"), {"user_id": "7", "event_type": "login"}, 202, Authorization=tenant,
         traceparent=traceparent(EVENT))
    call(url("publisher", "/api/v1/events"),
         [{"specversion": "1.0", "id": trace, "source": "/shop", "type": "analytics.recorded",
           "traceparent": traceparent(trace), "data": {"user_id": "7", "event_type": "login"}} for trace in BATCH],
         202, Authorization=tenant, Content_Type="application/cloudevents-batch+json")
    headers = {"ce_specversion": "1.0", "ce_id": "broken", "ce_type": "chemical.recorded", "ce_source": "/other",
               "ce_subject": "broken", "ce_tenantid": "acme", "content-type": "application/json",
               "traceparent": traceparent(DEAD, sampled=False)}
    call(url("admin", "/admin/v1/events"), {"topic": "chemical.events", "records": [
        {"key": "acme/broken", "headers": headers, "value": {"researcher": "r"}}]}, 202, Authorization=f"Bearer {operator}")


def check_spans(spans):
    if traces_of(spans) != TRACES:
        fail(f"the traces are {json.dumps(traces_of(spans), indent=1)}\nand should be {json.dumps(TRACES, indent=1)}")
    for span in spans.values():
        who = attributes(span["resource"])
        if who.get("service.name") != "meshd" or not {"service.version", "service.instance.id"} <= who.keys():
            fail(f"a span is of {who}")
        if int(span["startTimeUnixNano"]) > int(span["endTimeUnixNano"]):
            fail(f"a span ends before it begins: {span}")
    request, = named(spans, USER, REQUEST)
    if request["kind"] != 2 or attributes(request).get("http.response.status_code") != "201" or "status" in request:
        fail(f"the request of the user is {request}")
    if [one.get("status", {}).get("code") for one in dead(spans)] != [2]:
        fail(f"the event that its pipeline cannot take ended so: {named(spans, DEAD, 'pipeline attempt')}")
    for trace in BATCH:
        append, = named(spans, trace, "log append")
        link, = append["links"]
        whole = spans[link["traceId"], link["spanId"]]
        if whole["name"] != "log append batch" or {one["traceId"] for one in whole["links"]} != set(BATCH):
            fail(f"{append} links to {whole}")


def same(sent, handed_on):
    if sent.keys() != handed_on.keys():
        fail(f"{len(sent)} spans were sent and {len(handed_on)} handed on")
    for ids, span in sent.items():
        if span != handed_on[ids]:
            fail(f"sent:\n{json.dumps(span, indent=1)}\nhanded on:\n{json.dumps(handed_on[ids], indent=1)}")


def end(running, name, log):
    """By SIGTERM, after which nothing is on its way in it."""
    running.terminate()
    if (code := running.wait(60)) != 0:
        fail(f"{name} ended with {code}: {read(log)}")
    if read(log).strip():
        fail(f"{name} complains: {read(log)}")


def trial(folder, collector):
    receives, metrics = free_port(), free_port()
    with serving(Sink()) as sink, serving(Tap(receives)) as tap:
        write(f"{folder}/otelcol.yaml", collector_config(receives, sink.server_port, metrics))
        write(f"{folder}/meshd.yaml", meshd_config(tap.server_address[1]))
        with process(folder, collector, "--config", f"{folder}/otelcol.yaml") as collecting:
            traces, own = f"http://127.0.0.1:{receives}/v1/traces", f"http://127.0.0.1:{metrics}/metrics"

            def started():
                if collecting.poll() is not None:
                    fail(f"the Collector does not start: {read(f'{folder}/otelcol.log')}")
                return ask(traces, "POST", {})[0] == 200 and ask(own)[0] == 200
            until("the start of the Collector", started)
            # It does look at what it is sent.
            status, _ = ask(traces, "POST", {"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "no id"}]}]}]})
            if status != 400:
                fail(f"the Collector answers {status} to a trace id that is none, and not 400")
            with process(folder, "meshd", "--config", f"{folder}/meshd.yaml", "--data-dir", f"{folder}/data") as meshd:
                where = until("the start of meshd", lambda: json.loads(read(f"{folder}/data/run.json"))["addresses"])
                act(where, read(f"{folder}/data/operator.token").strip())
                with contextlib.suppress(SystemExit):  # check_spans says what is missing
                    until("all spans", lambda: traces_of(spans_of(sink.bodies)) == TRACES and dead(spans_of(sink.bodies)))

                def counts():
                    text = ask(f"http://{where['admin']}/metrics")[1]
                    return {outcome: counter(text, f'mesh_spans_total{{outcome="{outcome}"}}')
                            for outcome in ("sent", "dropped", "failed", "rejected")}
                until("spans that meshd counts as sent", lambda: counts()["sent"])
                if sum(counts().values()) != counts()["sent"]:
                    fail(f"meshd counts spans that were not taken: {counts()}")
                end(meshd, "meshd", f"{folder}/meshd.log")
            sent = spans_of(tap.bodies())
            until("the last spans", lambda: len(spans_of(sink.bodies)) >= len(sent))
            text = ask(own)[1]
            end(collecting, "the Collector", f"{folder}/otelcol.log")
        same(sent, spans_of(sink.bodies))
        check_spans(sent)
        taken = {name: counter(text, f"otelcol_{name}_spans")
                 for name in ("receiver_accepted", "receiver_refused", "receiver_failed", "exporter_send_failed")}
        if taken != {**dict.fromkeys(taken, 0), "receiver_accepted": len(sent)}:
            fail(f"of {len(sent)} spans the Collector counts {taken}")
        version = subprocess.run([collector, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        print(f"otel-test: {len(sent)} spans of {len({ids[0] for ids in sent})} traces in {len(tap.bodies())} requests are taken, "
              f"none is refused, and all are handed on as they were sent, by {version}")


def main():
    for name in [name for name in os.environ if name.startswith("MESH_")]:
        del os.environ[name]  # nothing of the caller's
    with tempfile.TemporaryDirectory() as folder:
        trial(folder, sys.argv[1])


main()
