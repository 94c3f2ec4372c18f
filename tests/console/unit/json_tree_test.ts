import assert from "node:assert/strict";
import { test } from "node:test";
import { type JsonNode, jsonText, member, parseJson } from "console/json_tree.ts";

function plain(node: JsonNode): unknown {
  if (node.kind === "object") return Object.fromEntries(node.members.map(([name, value]) => [name, plain(value)]));
  if (node.kind === "array") return node.items.map(plain);
  return node.kind === "string" ? node.text : JSON.parse(node.text);
}

test("it reads what JSON.parse reads", () => {
  const texts = ["{}", "[]", " 1 ", "\"a\\\"\\u00e9\\n\"", "[1,-2.5e+3,true,false,null,\"\"]", "{\"a\":{\"b\":[{}]},\"a b\":[[],[1]]}", "\n{ \"x\" : [ 1 , 2 ] }\n"];
  for (const text of texts) assert.deepEqual(plain(parseJson(text)!), JSON.parse(text), text);
});

test("it refuses what JSON.parse refuses", () => {
  for (const text of ["", "{", "[1,]", "{\"a\"}", "{a:1}", "01", "1 2", "'a'", "\"\n\"", "[1 2]", "nul", "-", "\"\\x\"", "{,}", "]"]) assert.equal(parseJson(text), null, text);
});

test("a number beyond 2^53 keeps its digits", () => {
  assert.deepEqual(parseJson("9007199254740993"), { kind: "number", text: "9007199254740993" });
});

test("what is nested without end is shown raw, not overflowing", () => {
  assert.equal(parseJson("[".repeat(100_000)), null);
  assert.equal(parseJson(`${"[".repeat(300)}${"]".repeat(300)}`), null);
});

test("a long text is read", () => {
  const long = JSON.stringify(`${"x".repeat(2_000_000)}"`);
  assert.equal(parseJson(long)?.kind, "string");
});

test("JSON comes back with its numbers as they were", () => {
  const text = '{"a":[12345678901234567890,1.50,"\\"é",{}],"b":null}';
  assert.equal(jsonText(parseJson(text)!), text);
  assert.equal(jsonText(member(parseJson(text), "b")!), "null");
  assert.equal(member(parseJson("[1]"), "b"), null);
});
