import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf } from "console/problem.ts";

test("a problem says what the server said", () => {
  const body = { title: "Unprocessable Content", detail: "not valid", request_id: "r1", errors: [{ pointer: "/email", detail: "must have one @" }] };
  const problem = problemOf(422, "", body, new Headers());
  assert.equal(problem.message, "not valid");
  assert.equal(problem.requestId, "r1");
  assert.deepEqual(problem.errors, [{ pointer: "/email", detail: "must have one @" }]);
  assert.equal(problem.passing, false);
});

test("what is no problem+json, of a proxy say, is told by its status", () => {
  for (const body of [undefined, null, "<html>", 7, { title: 7, errors: "x" }, { errors: [null, 3] }]) {
    const problem = problemOf(502, "Bad Gateway", body, new Headers({ "X-Request-Id": "r2" }));
    assert.equal(problem.title, "Bad Gateway");
    assert.equal(problem.requestId, "r2");
    assert.equal(problem.passing, true);
  }
});

test("when to try again is what the server said, where it is a number", () => {
  assert.equal(problemOf(429, "", {}, new Headers({ "Retry-After": "3" })).retryAfter, 3);
  assert.equal(problemOf(429, "", {}, new Headers()).retryAfter, null);
});
