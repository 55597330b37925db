import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, duration, perSecond, percent } from "../src/meters/format.js";
import { Sample } from "../src/meters/quantile.js";
import { Rate } from "../src/meters/rate.js";

test("a rate is that of the last few seconds", () => {
  const rate = new Rate(3000);
  assert.equal(rate.perSecond, undefined);
  for (let s = 0; s <= 10; s++) rate.observe(s * 400, s * 1000);
  assert.equal(rate.perSecond, 400);
  for (let s = 11; s <= 14; s++) rate.observe(4000, s * 1000);
  assert.equal(rate.perSecond, 0);
});

test("a counter that begins anew does not make a negative rate", () => {
  const rate = new Rate(3000);
  rate.observe(1000, 0);
  rate.observe(5, 1000);
  assert.equal(rate.perSecond, undefined);
  rate.observe(15, 2000);
  assert.equal(rate.perSecond, 10);
});

test("quantiles are of the last values only", () => {
  const sample = new Sample(100);
  assert.equal(sample.quantiles(0.5), undefined);
  for (let i = 0; i < 1000; i++) sample.add(10_000);
  for (let i = 1; i <= 100; i++) sample.add(i);
  assert.deepEqual(sample.quantiles(0.5, 0.99), [51, 100]);
});

test("figures can be read", () => {
  assert.deepEqual(
    [bytes(999), bytes(1234), bytes(5.67e6), perSecond(3.14), perSecond(421.7), percent(0.934), duration(8.2), duration(1234)],
    ["999 B", "1.23 kB", "5.67 MB", "3.1", "422", "93.4 %", "8 ms", "1.2 s"],
  );
});
