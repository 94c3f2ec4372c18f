import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonText, member, parseJson } from "console/json_tree.ts";
import { type DeadLetter, changed, dataText, eventText, jsonFault, lettersOf, placeParts, pretty, scopeWords } from "console/pages/letters.ts";

const kLetter = { topic: "a.dlq", partition: 3, offset: 17, tenant: "acme" } as DeadLetter;
const pageOf = (rest: string) => lettersOf(`{"items":[${JSON.stringify(kLetter).slice(0, -1)},${rest}}],"next":null}`);

test("JSON is the same text again, numbers to the digit", () => {
  for (const text of ['{"a":12345678901234567890,"b":[1.10,true,null,"\\u0007\\""],"c":{},"d":[]}', '"x"', "-0.0"]) {
    const tree = parseJson(text);
    assert.ok(tree);
    assert.equal(jsonText(tree), text);
    assert.equal(jsonText(parseJson(jsonText(tree, "")) ?? tree), text);
  }
  const tree = parseJson('{"a":[1,{}]}');
  assert.ok(tree);
  assert.equal(jsonText(tree, ""), '{\n  "a": [\n    1,\n    {}\n  ]\n}');
  assert.equal(member(tree, "toString"), null);
});

test("mended data goes into its event as it was typed", () => {
  const [letter] = pageOf('"event":{"id":"e","data":{"n":9007199254740993},"x":1.0}');
  assert.ok(letter?.exact);
  assert.equal(dataText(letter), '{\n  "n": 9007199254740993\n}');
  const mended = changed(eventText(letter), "data", '{"n": 1e2}');
  assert.equal(mended, '{"id":"e","x":1.0,"data":{"n": 1e2}}');
  assert.equal(changed(mended, "x"), '{"id":"e","data":{"n":1e2}}');
  assert.equal(pretty("[1.0]"), "[\n  1.0\n]");
  assert.equal(pretty("[oops"), "[oops");
});

test("what is no event becomes one that counts once", () => {
  const [letter] = pageOf('"event":null,"value":"not JSON"');
  assert.ok(letter);
  assert.equal(dataText(letter), null);
  const event = JSON.parse(eventText(letter)) as Record<string, unknown>;
  assert.deepEqual(event, { specversion: "1.0", id: "a.dlq/3@17", type: "", source: "mesh-console", tenantid: "acme", data: "not JSON" });
});

test("what is no JSON says why", () => {
  assert.equal(jsonFault("[1]"), "");
  assert.notEqual(jsonFault("[1,]"), "");
  assert.notEqual(jsonFault(""), "");
});

test("places and words", () => {
  assert.deepEqual(placeParts("user.events/3@17"), ["user.events", "3", "17"]);
  assert.equal(placeParts("elsewhere"), null);
  assert.deepEqual(scopeWords({ topic: "t", tenant: "", cause: "c", id: "i" }), ["t", "--cause", "c", "--id", "i"]);
});
