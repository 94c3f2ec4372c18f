import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type UsageRow, overTime, parseAmount, parsePolicy, policyText, purgeParts, purgeSums, stepFor, summed, throttled, toneOf,
} from "console/tenant_figures.ts";

test("policies are written and read as mesh takes them", () => {
  assert.equal(policyText({ rate: 30, per: "1m", burst: 10 }), "30/1m+10");
  assert.equal(policyText(null), "no limit");
  assert.deepEqual(parsePolicy("30/1m+10"), { rate: 30, per: "1m", burst: 10 });
  assert.deepEqual(parsePolicy(" 5,000 / 1h30m "), { rate: 5000, per: "1h30m" });
  assert.deepEqual(parsePolicy("1/500ms+0"), { rate: 1, per: "500ms", burst: 0 });
  for (const wrong of ["", "30", "0/1s", "30/", "30/s", "30/0s", "x/1s", "30/1y", "30/1m+", "30/1m+-1", "9999999999/1s"]) {
    assert.equal(parsePolicy(wrong), null, wrong);
  }
});

test("to throttle is to leave a tenth, and never nothing", () => {
  assert.deepEqual(throttled({ rate: 600, per: "1m", burst: 100 }), { rate: 60, per: "1m", burst: 10 });
  assert.deepEqual(throttled({ rate: 5, per: "1m", burst: 0 }), { rate: 1, per: "1m", burst: 0 });
  assert.ok(parsePolicy(policyText(throttled(null))));
});

test("a quota is a whole number, or none", () => {
  assert.equal(parseAmount("100,000"), 100_000);
  assert.equal(parseAmount("0"), 0);
  assert.equal(parseAmount(" "), undefined);
  for (const wrong of ["-1", "1.5", "many", "1e3", "99999999999999999999"]) assert.equal(parseAmount(wrong), null, wrong);
  assert.deepEqual([0.1, 0.8, 1].map(toneOf), ["good", "warning", "bad"]);
});

test("a step fits the range and is still kept", () => {
  const [hour, day] = [3_600_000, 86_400_000];
  const now = 1000 * day;
  assert.equal(stepFor(now - hour, now, now), "minute");
  assert.equal(stepFor(now - day, now, now), "hour");
  assert.equal(stepFor(now - 30 * day, now, now), "day");
  assert.equal(stepFor(now - 100 * day, now - 100 * day + hour, now), "day");
  assert.equal(stepFor(now - 3 * day, now - 3 * day + hour, now), "hour");
});

test("where there is no row nothing was used, but what was stored is not known", () => {
  const row = (start: string, events: number): UsageRow =>
    ({ start, events, bytes: 0, searches: 0, embedding_tokens: 0, chat_tokens: 0, chat_cost: 0, stored_users: 7, stored_bytes: 0 });
  const { time, values } = overTime([row("2026-11-30T00:00:00.000Z", 5)], "2026-11-29T00:00:00.000Z", "2026-12-01T00:24:00.000Z", "day");
  const two = [row("2026-11-29T00:00:00.000Z", 5), row("2026-11-30T00:00:00.000Z", 6)];
  assert.deepEqual([summed(two, "events"), summed(two, "stored_users"), summed([], "bytes")], [11, 7, 0]);
  assert.deepEqual(time.map((at) => new Date(at).getUTCDate()), [29, 30, 1]);
  assert.deepEqual(values.events, [0, 5, 0]);
  assert.deepEqual(values.stored_users, [null, 7, null]);
  assert.deepEqual(overTime([row("2026-11-30T00:00:00.000Z", 5)], "2016-11-29T00:00:00.000Z", "2026-12-01T00:00:00.000Z", "minute").values.events, [5]);
});

test("what a purge found: places with something first, what stays apart", () => {
  const part = (place: string, count: number, remains = "") => ({ place, count, erased: 0, remains });
  const parts = purgeParts({ parts: [part("a", 0), part("b", 3), part("c", 2, "billed")], found: 5 });
  assert.deepEqual(parts.map(({ place }) => place), ["b", "c", "a"]);
  assert.deepEqual(purgeSums(parts), { goes: 3, stays: 2 });
  assert.deepEqual([purgeParts(null), purgeParts({}), purgeParts({ parts: "x" })], [[], [], []]);
});
