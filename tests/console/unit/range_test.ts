import assert from "node:assert/strict";
import { test } from "node:test";
import { bounds, parseRange, parseSpan, rangeText } from "console/range.ts";

test("a span is of units", () => {
  for (const [text, seconds] of [["90s", 90], ["1h30m", 5400], ["7d", 604_800], ["2w", 1_209_600]] as const) assert.equal(parseSpan(text), seconds);
  for (const text of ["", "0s", "h", "1", "1y", "-1h", "1h ", "99999d"]) assert.equal(parseSpan(text), null, text);
});

test("a relative range ends now, and goes on", () => {
  assert.deepEqual(bounds(parseRange("1h")!, 10_000_000), { from: 6_400_000, to: null });
});

test("an absolute range comes back from its text", () => {
  for (const text of ["2026-11-30T10:00:00Z..2026-11-30T11:00:00Z", "2026-11-30T10:00:00.123Z.."]) assert.equal(rangeText(parseRange(text)!), text);
});

test("a time without an offset is UTC wherever it is opened", () => {
  assert.deepEqual(parseRange("2026-11-30T10:00..2026-11-30T12:00+01:00"), { kind: "between", from: Date.UTC(2026, 10, 30, 10), to: Date.UTC(2026, 10, 30, 11) });
});

test("what is no range is none", () => {
  for (const text of [undefined, "", "yesterday", "..", "2026-11-30T11:00Z..2026-11-30T10:00Z", "2026-13-01..", "a..b..c"]) assert.equal(parseRange(text), null, text);
});
