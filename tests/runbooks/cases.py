#!/usr/bin/env python3
"""cases.py RULES: for each alert of RULES a mesh in which it fires, alone, and one in which it nearly would; by promtool."""
import json
import os
import re
import subprocess
import sys
import tempfile

DAY = 24 * 60


def step_of(minutes):
    """Seconds between two samples, and two looks at the rules."""
    return 30 if minutes < DAY else 300


# A mesh of one process in which all is well. Values in promtool's notation: start+step x count.
ROUTES = {
    "users": "/users/create",
    "gateway": "/ai/users/search",
    "publisher": "/api/v1/events",
    "subscriber": "/api/v1/analytics/user/{user_id}",
    "admin": "/admin/v1/check",
}
UP = 'up{job="meshd",instance="a"}'
LAG = 'mesh_pipeline_lag_seconds{instance="a",pipeline="analytics"}'
BREAKER = 'mesh_pipeline_breaker_state{instance="a",pipeline="analytics"}'
DEAD = 'mesh_dead_letters_total{instance="a",topic="analytics.events",cause_class="schema"}'
OUTBOX = 'mesh_outbox_events{instance="a"}'
RELAYED = 'mesh_outbox_relayed_total{instance="a"}'
HELD = 'mesh_log_held_events{instance="a",topic="chemical.events"}'
PASSED = 'mesh_log_passed_over_events_total{instance="a",topic="chemical.events"}'
FAILED = 'mesh_tasks_ended_total{instance="a",kind="backup",outcome="failed"}'
WAITING = 'mesh_usage_waiting_periods{instance="a"}'
BACKUP = 'mesh_backup_last_success_timestamp_seconds{instance="a"}'
DAMAGED = 'mesh_damaged_files{instance="a"}'
AGE = 'mesh_engines_sample_age_seconds{instance="a"}'
BUILD = 'mesh_build_info{instance="a",version="1.0.0"}'
HEAP = 'mesh_heap_bytes{instance="a",state="used"}'
CERTIFICATE = 'mesh_tls_certificate_expiration_timestamp_seconds{instance="a"}'
GOOD = 'mesh_http_requests_total{instance="a",route="/users/create",status="201"}'
BAD = 'mesh_http_requests_total{instance="a",route="/users/create",status="503"}'
NOT_READY = 'mesh_http_requests_total{instance="a",route="/readyz",status="503"}'
LIMITER = 'mesh_rate_limit_decisions_total{instance="a",decision="unavailable"}'
PROBES = 'mesh_canary_probes_total{instance="a",route="searchUsers",outcome="%s"}'
SEARCHES = 'ai_gateway_search_latency_seconds_bucket{instance="a",tenant="other",le="%s"}'
AVAILABLE = 'mesh_data_dir_available_bytes{instance="a"}'
SIZE = 'mesh_data_dir_size_bytes{instance="a"}'
VOLUME = 'kubelet_volume_stats_%s_bytes{namespace="distributedai",persistentvolumeclaim="data"}'


def route(role):
    return f'mesh_http_request_seconds_count{{instance="a",route="{ROUTES[role]}"}}'


def searches(slow):
    """A hundred searches a step, so many of them slower than 250 ms."""
    quick = 100 - slow
    return {SEARCHES % "0.1": f"0+{quick}x9999", SEARCHES % "0.25": f"0+{quick}x9999",
            SEARCHES % "0.5": "0+100x9999", SEARCHES % "+Inf": "0+100x9999"}


WELL = {
    UP: "1x9999", LAG: "2x9999", BREAKER: "0x9999", DEAD: "7x9999", OUTBOX: "3x9999", RELAYED: "0+50x9999",
    HELD: "0x9999", PASSED: "0x9999", DAMAGED: "0x9999", AGE: "5x9999", BUILD: "1x9999", HEAP: "3e8x9999",
    CERTIFICATE: "9e9x9999", GOOD: "0+100x9999", BAD: "3x9999", NOT_READY: "2x9999", LIMITER: "1x9999",
    PROBES % "kept": "0+2x9999", PROBES % "leaked": "0x9999", PROBES % "blind": "4x9999", PROBES % "failed": "0x9999",
    FAILED: "7x9999", WAITING: "0x9999", BACKUP: "9e9x9999",
    AVAILABLE: "60e9x9999", SIZE: "100e9x9999", VOLUME % "available": "6e9x9999", VOLUME % "capacity": "10e9x9999",
    **{route(role): "5x9999" for role in ROUTES}, **searches(0),
}
NONE = "_x9999"

# Alert: (minutes after which it does not fire yet, minutes after which it does, [what differs where it fires],
# [what differs where it stays silent all that time]).
CASES = {
    "MeshDown": (0.5, 2, [{UP: "0x9999"}], [{UP: "1 0 1x9999"}]),
    "MeshRoleMissing": (1.5, 3, [{route(role): NONE} for role in ROUTES] + [{LAG: NONE}],
                        [{route("users"): NONE, route("users").replace('"a"', '"b"'): "1x9999"}]),
    "MeshNotReady": (4, 8, [{NOT_READY: "0+3x9999"}], [{NOT_READY: "0+3x4 12x9999"}]),
    "MeshVersionsDiffer": (59, 62, [{BUILD.replace("1.0.0", "1.1.0").replace('"a"', '"b"'): "1x9999"}],
                           [{BUILD.replace("1.0.0", "1.1.0").replace('"a"', '"b"'): "1x20 _x9999"}]),
    "MeshMemoryGrows": (DAY, DAY + 65, [{HEAP: f"3e8x{DAY // 5} 7e8x9999"}],
                        [{HEAP: f"3e8x{DAY // 5} 5.9e8x9999"}, {HEAP: f"1e8x{DAY // 5} 4e8x9999"}]),
    "MeshCertificateExpires": (14, 17, [{CERTIFICATE: "6e5x9999"}], [{CERTIFICATE: "7e5x9999"}, {CERTIFICATE: NONE}]),
    "MeshPipelineLagging": (4, 7, [{LAG: "400x9999"}], [{LAG: "290x9999"}, {LAG: "400x5 2x9999"}]),
    "MeshPipelinePaused": (1.5, 3, [{BREAKER: "2x9999"}, {BREAKER: " ".join(["2 1"] * 99)}], [{BREAKER: "2 1 0x9999"}]),
    "MeshDeadLettersGrow": (10, 45, [{DEAD: "7+0x20 8+1x9999"}, {DEAD: "7x20 20x9999"}],
                            [{DEAD: "7x20 8x9999"}, {DEAD: "7x10 0x9999"},
                             {DEAD.replace("schema", of): "0x20 4x9999" for of in ("schema", "decode", "index")}]),
    "MeshOutboxStuck": (4, 16, [{RELAYED: "0+50x10 500x9999"}, {RELAYED: NONE, RELAYED.replace('"a"', '"b"'): "9x9999"}],
                        [{RELAYED: "500x9999", OUTBOX: "0x9999"}, {OUTBOX: "90000x9999"}]),
    "MeshEventsHeld": (59, 62, [{HELD: "1x9999"}], [{HELD: "5x60 0x9999"}]),
    "MeshEventsPassedOver": (4, 6, [{PASSED: "0x9 12x9999"}], []),
    "MeshTaskFailed": (4, 6, [{FAILED: "7x10 8x9999"}], [{FAILED: "7x10 0x9999"}]),
    "MeshUsageWaits": (14, 17, [{WAITING: "1x9999"}, {WAITING: "1+1x9999"}], [{WAITING: "3x20 0 1x9999"}]),
    "MeshFilesDamaged": (4, 6, [{DAMAGED: "0x9 1x9999"}], []),
    "MeshEngineSamplesStale": (0.5, 3, [{AGE: "61+30x9999"}], [{AGE: "59x9999"}]),
    "MeshDiskNearlyFull": (9, 12, [{AVAILABLE: "14e9x9999"}, {VOLUME % "available": "1.4e9x9999"}],
                           [{AVAILABLE: "16e9x9999"}]),
    # By 40 MB a minute, in 19 hours.
    "MeshDiskFillsUp": (59, 62, [{AVAILABLE: "45e9-2e7x9999"}, {VOLUME % "available": "4e9-2e6x9999"}],
                        [{AVAILABLE: "45e9-5e6x9999"}, {AVAILABLE: "90e9-5e7x9999"}, {AVAILABLE: "45e9-2e7x60 45e9x9999"}]),
    "MeshBackupOld": (47 * 60, 49 * 60, [{BACKUP: "0x9999"}], [{BACKUP: "0x500 150000x9999"}, {BACKUP: NONE}]),
    "MeshTenantLeak": (4, 6, [{PROBES % "leaked": "0x9 1x9999"}, {PROBES % "leaked": "_x9 2x9999"}],
                       [{PROBES % "leaked": NONE}]),
    "MeshCanaryBlind": (12, 24, [{PROBES % "kept": "0+2x6 12x9999", PROBES % "blind": "4x6 4+2x9999"},
                                 {PROBES % "kept": "0+2x6 12x9999", PROBES % "failed": "0x6 0+2x9999"}],
                        [{PROBES % "blind": "4+2x9999"}, {PROBES % "kept": "9x9999"},
                         {PROBES % one: NONE for one in ("kept", "leaked", "blind", "failed")}]),
    "MeshServerErrors": (4, 8, [{BAD: "0+3x9999"}], [{BAD: "0+1x9999"}, {GOOD: "5x9999", BAD: "5x9999"}]),
    "MeshSearchSlow": (9, 14, [searches(2)], [searches(1), {name: "7x9999" for name in searches(0)}]),
    "MeshRateLimiterUnavailable": (1, 4, [{LIMITER: "0+1x9999"}], [{LIMITER: "0 1 1x9999"}]),
}


def mesh(name, changes, moments):
    """One test of promtool: at each (minutes, alert or None) it alone fires, or nothing does."""
    series = {**WELL, **changes}
    last = moments[-1][0]
    long = f"x{int(last * 60 / step_of(last)) + 10}"  # no longer than it is looked at
    return {
        "name": name,
        "interval": f"{step_of(last)}s",
        "input_series": [{"series": one, "values": values.replace("x9999", long)} for one, values in series.items()],
        "promql_expr_test": [{
            "expr": 'group by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{int(minutes * 60)}s",
            "exp_samples": [{"labels": f'{{alertname="{alert}"}}', "value": 1}] if alert else [],
        } for minutes, alert in moments],
    }


def run(rules, tests):
    """promtool has one interval for all tests of a file."""
    for interval in sorted({test["interval"] for test in tests}):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            json.dump({"rule_files": [rules], "evaluation_interval": interval,
                       "tests": [test for test in tests if test["interval"] == interval]}, file)
            file.flush()
            done = subprocess.run(["promtool", "test", "rules", file.name], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"runbooks: FAILED\n{done.stdout}{done.stderr}")


def main():
    rules = os.path.abspath(sys.argv[1])
    with open(rules, encoding="utf-8") as file:
        named = re.findall(r"- alert: (\w+)", file.read())
    if sorted(named) != sorted(CASES):
        sys.exit(f"runbooks: alerts without a case, or cases without an alert: {set(named) ^ set(CASES)}")
    tests = [mesh("all is well", {}, [(minutes, None) for minutes in (1, 20, 70)])]
    for alert, (before, after, loud, quiet) in CASES.items():
        tests += [mesh(f"{alert} fires", one, [(before, None), (after, alert)]) for one in loud]
        tests += [mesh(f"{alert} is silent", one, [(before, None), (after, None)]) for one in quiet]
    run(rules, tests)
    print(f"runbooks: {len(CASES)} alerts in {len(tests)} meshes")


main()
