import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf } from "../src/page/expression.js";

test("finds the place that a filter's message names", () => {
  assert.equal(placeOf("a number is missing at column 8"), 8);
  assert.equal(placeOf("position 12: unknown word"), 12);
  assert.equal(placeOf("params must be a JSON object"), undefined);
});
