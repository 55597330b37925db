import assert from "node:assert/strict";
import { test } from "node:test";
import { columnOf } from "../src/page/expression.js";

test("finds the place that a filter's message names", () => {
  assert.equal(columnOf("expected a value after '>' at 1:9, found the end"), 9);
  assert.equal(columnOf("expected a value after 'look at 1:2' at 1:33, found 'at 4:4'"), 33);
  assert.equal(columnOf('"expr" must be a string'), undefined);
});
