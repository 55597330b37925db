import assert from "node:assert/strict";
import { test } from "node:test";
import { Motion } from "../src/map/motion.js";

const speed = 1e-6;

test("moves at once, on its heading", () => {
  const east = new Motion(0.25, 0.4, 90, speed, 0);
  assert.ok(Math.abs(east.shownX(1000) - 0.251) < 1e-9);
  assert.ok(Math.abs(east.shownY(1000) - 0.4) < 1e-9);
  const north = new Motion(0.25, 0.4, 0, speed, 0);
  assert.ok(north.shownY(1000) < 0.4);
});

test("never jumps when an event corrects it, and comes to what the event says", () => {
  const m = new Motion(0.25, 0.4, 90, speed, 0);
  const before = m.shownX(1000);
  m.moved(0.2506, 0.4001, 1000);
  assert.ok(Math.abs(m.shownX(1000) - before) < 1e-12);
  const real = 0.2506 + (m.shownX(3000) - m.shownX(2990)) * 200; // carried on at its speed from then on
  assert.ok(Math.abs(m.shownX(3000) - real) < 1e-5);
});

test("learns its speed from events", () => {
  const m = new Motion(0, 0, 90, 0, 0);
  for (let s = 1; s <= 20; s++) m.moved(s * 1e-3, 0, s * 1000);
  assert.ok(Math.abs(m.speed - 1e-6) < 1e-8);
  assert.ok(Math.abs(m.shownX(20_500) - 20.5e-3) < 1e-4);
});

test("stops when it is not heard of any more", () => {
  const m = new Motion(0, 0, 90, speed, 0);
  assert.equal(m.shownX(10_000), m.shownX(100_000));
});
