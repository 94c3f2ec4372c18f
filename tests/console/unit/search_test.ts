import assert from "node:assert/strict";
import { test } from "node:test";
import { moves, overlap } from "console/ranks.ts";
import { requestOf, searchWords } from "console/search_query.ts";
import { advice, score, whySentences } from "console/why_not.ts";

test("a search needs a tenant and words", () => {
  assert.equal(requestOf({ tenant: "acme" }, undefined), null);
  assert.equal(requestOf({ query: "ada" }, undefined), null);
  assert.equal(requestOf({ tenant: "acme", query: "  " }, undefined), null);
});

test("numbers are numbers; what is of events is left out among users", () => {
  const filters = { tenant: "acme", query: "ada", limit: "5", min_score: "0", semantic_ratio: "much", filter: "a=b; c=d", from: "7d" };
  assert.deepEqual(requestOf(filters, "2"), { tenant: "acme", query: "ada", limit: 5, min_score: 0, generation: 2 });
  const asked = requestOf({ ...filters, type: "order.placed" }, undefined);
  assert.ok(asked);
  assert.equal(asked.from, "7d");
  assert.equal(asked.filter, "a=b; c=d");
  assert.deepEqual(searchWords(asked), [
    "search", "ada", "--tenant", "acme", "--filter", "a=b", "--filter", "c=d", "--type", "order.placed", "--from", "7d", "--limit", "5", "--min-score", "0",
  ]);
  assert.deepEqual(searchWords({ tenant: "acme", query: "ada" }, "7").slice(-2), ["--why-not", "7"]);
});

function list(ids: string) {
  return [...ids].map((id) => ({ id }));
}

test("ranks against another list", () => {
  assert.deepEqual([...moves(list("abcd"), list("bace"))], [["a", 1], ["b", -1], ["c", 0], ["d", null]]);
  assert.deepEqual(overlap(list("ab"), list("bcd")), { both: 1, longer: 3, share: 1 / 3 });
  assert.equal(overlap([], []).share, null);
});

test("why not, in sentences with the numbers, and what to try", () => {
  const why = {
    tenant: "acme", query: "ada", who: "bob@acme.dev", reason: "score", text: "", score: 0.149, min_score: 0.2, semantic_ratio: 0.5,
    rank: 12, limit: 10, user: null, elsewhere: [{ tenant: "globex", user_id: 4 }],
  } as const;
  const said = whySentences({ ...why, elsewhere: [...why.elsewhere] });
  assert.match(said, /0\.149; a hit has 0\.200 at least, so it falls short\. The rank is 12; .*cut off\. 50% .*globex.*user 4/);
  assert.deepEqual(advice({ ...why, elsewhere: [] })?.change, { min_score: 0.14 });
  assert.deepEqual(advice({ ...why, reason: "rank", elsewhere: [] })?.change, { limit: 12 });
  assert.equal(advice({ ...why, reason: "rank", rank: 500, elsewhere: [] }), null);
  assert.deepEqual(advice({ ...why, reason: "other_tenant", elsewhere: [...why.elsewhere] })?.change, { tenant: "globex" });
  assert.equal(advice({ ...why, reason: "found", elsewhere: [] }), null);
  assert.equal(score(null), "–");
});
