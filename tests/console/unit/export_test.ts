import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "console/export.ts";

test("cells are quoted where they must be", () => {
  assert.equal(csv([["a", 1, null], ['say "x"', "a,b", "two\nlines"]]), 'a,1,\r\n"say ""x""","a,b","two\nlines"\r\n');
});

test("a spreadsheet sees no formula", () => {
  assert.equal(csv([["=1+1", "+x", "-x", "@x", -1]]), "'=1+1,'+x,'-x,'@x,-1\r\n");
});
