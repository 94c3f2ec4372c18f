import assert from "node:assert/strict";
import { test } from "node:test";
import { type Merge, type Place, bounded, headerMatches, merged, nearEnd, nextStretches, placeKey, width } from "console/record_pages.ts";

const topic = "t";
const record = (partition: number, offset: number, second: number): Place => ({ topic, partition, offset, time: new Date(second * 1000).toISOString() });
const stretch = (partition: number, start: number, end: number) => ({ topic, partition, start, end });
const places = (rows: readonly Place[]) => rows.map(placeKey);

// Partition 0 is busy, one a second until 100; partition 1 slow, one in 20 seconds.
const log = [
  ...Array.from({ length: 100 }, (_, offset) => record(0, offset, offset + 1)),
  ...Array.from({ length: 5 }, (_, offset) => record(1, offset, 20 * offset + 10.5)),
];
function read(before: Merge<Place>, step: number): Merge<Place> {
  const next = nextStretches(before, step);
  return merged(before, next, log.filter((each) => next.some((one) => one.partition === each.partition && each.offset >= one.start && each.offset < one.end)));
}
const nothing: Merge<Place> = { rows: [], held: [], left: [stretch(0, 0, 100), stretch(1, 0, 5)] };

test("nothing is shown below what a partition may still have", () => {
  const first = read(nothing, 3);
  assert.deepEqual(places(first.rows), ["t/0/99", "t/0/98", "t/0/97"]);
  assert.deepEqual(places(first.held), ["t/1/4", "t/1/3", "t/1/2"]);
});

test("page by page all of it comes once, in the order of time", () => {
  let list = nothing;
  for (let round = 0; list.left.length > 0 || list.held.length > 0; ++round) {
    assert.ok(round < 100);
    list = read(list, 3);
  }
  assert.deepEqual(places(list.rows), places([...log].sort((one, other) => Date.parse(other.time) - Date.parse(one.time))));
});

test("a partition of which rows are held is not read on", () => {
  assert.deepEqual(nextStretches(read(nothing, 3), 10), [stretch(0, 87, 97)]);
});

test("rows let go are read again", () => {
  const list = read(read(nothing, 3), 30);
  const few = bounded(list, 10);
  assert.equal(few.rows.length, 10);
  let again = few;
  while (again.rows.length < list.rows.length) again = read(again, 50);
  assert.deepEqual(places(again.rows).slice(0, list.rows.length), places(list.rows));
  assert.equal(bounded(list, 1000), list);
});

test("of a burst the end is taken, by share, and the rest is counted", () => {
  const came = [stretch(0, 100, 3_100), stretch(1, 0, 1_000), stretch(2, 5, 5)];
  const { stretches, leftOut } = nearEnd(came, 400);
  assert.deepEqual(stretches, [stretch(0, 2_800, 3_100), stretch(1, 900, 1_000)]);
  assert.equal(leftOut, 3_600);
  assert.equal(width(stretches) + leftOut, width(came));
  assert.equal(nearEnd(came, 4_000).leftOut, 0);
});

test("headers match by name, by name and value, or by a part", () => {
  const headers = { ce_type: "user.created", traceparent: "00-ABC" };
  for (const wanted of ["ce_type=created", "CE_TYPE = User", "abc", "traceparent", "=user"]) assert.equal(headerMatches(headers, wanted), wanted !== "=user", wanted);
});
