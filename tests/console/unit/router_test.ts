import assert from "node:assert/strict";
import { test } from "node:test";
import { changedFilters, href, parseHash } from "console/router.ts";

test("an empty hash is the overview", () => {
  for (const hash of ["", "#", "#/"]) assert.deepEqual({ ...parseHash(hash), filters: {} }, { page: "overview", parts: [], filters: {} });
});

test("what an address was made of comes back from it", () => {
  const parts = ["chemical.events", "a/b ?#%&ü", "Dr. Jane"];
  const read = parseHash(href("events", parts, { key: "tenant-1/7&x=1", text: "a+b c#d", none: undefined, empty: "", zero: 0 }));
  assert.equal(read.page, "events");
  assert.deepEqual(read.parts, parts);
  assert.deepEqual({ ...read.filters }, { key: "tenant-1/7&x=1", text: "a+b c#d", zero: "0" });
});

test("a hash with a broken escape is taken as it is", () => {
  assert.deepEqual(parseHash("#/events/100%").parts, ["100%"]);
});

test("a filter named as a member of every object is only a filter", () => {
  const { filters } = parseHash("#/events?__proto__=x&constructor=y");
  assert.equal(filters["toString"], undefined);
  assert.equal(filters["constructor"], "y");
});

test("changed filters leave the others, and drop what is empty", () => {
  assert.deepEqual(changedFilters({ a: "1", b: "2", c: "3" }, { b: null, c: "", d: 4 }), { a: "1", d: "4" });
});
