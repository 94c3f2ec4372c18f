import assert from "node:assert/strict";
import { test } from "node:test";
import { suggestions } from "console/search_box.ts";

const to = (text: string) => suggestions(text).map((each) => each.to);

test("nothing typed offers the pages", () => {
  assert.equal(to("").length, 9);
  assert.equal(to("")[0], "#/overview");
});

test("a part of its title finds a page first", () => {
  assert.equal(to("lett")[0], "#/dead-letters");
});

test("an id is an event or a task", () => {
  assert.deepEqual(to("01a22ea5-e75e-7000-b481-fb815c5680e2"), ["#/events/id/01a22ea5-e75e-7000-b481-fb815c5680e2", "#/tasks/01a22ea5-e75e-7000-b481-fb815c5680e2"]);
});

test("what cannot be a tenant is only searched for", () => {
  assert.ok(!to("alice@x.dev").some((each) => each.startsWith("#/tenants/")));
  assert.ok(to("tenant-1").includes("#/tenants/tenant-1"));
});

test("an id of a client's own is an event, with or without the word", () => {
  assert.ok(to("order-4711").includes("#/events/id/order-4711"));
  assert.ok(to("event order/4711").every((each) => !each.startsWith("#/events/id/")));
  assert.ok(to("event Order_4711").includes("#/events/id/Order_4711"));
});
