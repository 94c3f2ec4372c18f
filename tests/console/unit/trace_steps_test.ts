import assert from "node:assert/strict";
import { test } from "node:test";
import { traceSteps } from "console/trace_steps.ts";

type Trace = Parameters<typeof traceSteps>[0];
type Pipeline = Trace["pipelines"][number];
const pipeline: Pipeline = {
  pipeline: "chemical", state: "done", serves: true, behind: 0, behind_its_key: false, attempts: 0, history: [], next_attempt: null,
  cause_class: null, cause: null, letter: null, effect: null,
};
const trace = (change: Partial<Trace>): Trace => ({
  id: "e", type: "x", tenant: "acme", subject: null, source: null, time: "", version: null, status: "done", text: "",
  accepted: { at: "2026-12-01T00:00:00Z", by: "user:ada", request_id: null, trace_id: null }, outbox: null,
  log: { topic: "t", partition: 1, offset: 2, time: "2026-12-01T00:00:01Z" }, redriven_from: [], pipelines: [], searched: { records: 1, whole: true }, ...change,
});
const steps = (change: Partial<Pipeline>) => traceSteps(trace({ pipelines: [{ ...pipeline, ...change }] })).slice(2);

test("it begins with its acceptance and its place in the log", () => {
  const [accepted, log] = traceSteps(trace({}));
  assert.equal(accepted?.detail, "by user:ada");
  assert.equal(log?.record?.offset, 2);
});

test("what is not in the log yet waits in the outbox", () => {
  assert.deepEqual(traceSteps(trace({ log: null, outbox: { sequence: 7, ahead: 3 } })).map(({ title }) => title), ["Accepted", "Waits in the outbox"]);
});

test("attempts have their numbers, begins and lengths", () => {
  const [last, parked] = steps({
    state: "retrying", attempts: 12, next_attempt: "2026-12-01T00:01:00Z",
    history: [{ ended: "2026-12-01T00:00:03Z", micros: 1_500_000, cause_class: "engine", cause: "503" }],
  });
  assert.deepEqual([last?.title, last?.at, last?.seconds, last?.detail], ["chemical: attempt 12 failed", "2026-12-01T00:00:01.500Z", 1.5, "engine: 503"]);
  assert.equal(parked?.at, "2026-12-01T00:01:00Z");
});

test("a dead one tells of its letter, not of what it would have become", () => {
  const letter = { topic: "t.dlq", partition: 1, offset: 0, died_at: "2026-12-01T00:00:05Z" };
  const effect = { generation: null, reached: false, since: null, version: null, text: "is not counted" };
  const all = steps({ state: "dead", attempts: 1, cause_class: "schema", cause: "wrong", letter, effect });
  assert.deepEqual(all.map(({ title, detail, tone }) => [title, detail, tone]), [["chemical: dead", "schema: wrong · after 1 attempt", "bad"]]);
  assert.equal(all[0]?.letter, letter);
});

test("the index says which generation finds it, and since when", () => {
  const effect = { generation: "g-1", reached: true, since: null, version: 3, text: "holds user 1 at version 3" };
  assert.deepEqual(steps({ effect }).map(({ title, detail }) => [title, detail]), [
    ["chemical: searchable", "generation g-1 · holds user 1 at version 3 · since when the index does not keep"],
  ]);
});
