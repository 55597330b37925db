import assert from "node:assert/strict";
import { test } from "node:test";
import { Camera } from "../src/map/camera.js";
import { latOf, lonOf, worldX, worldY } from "../src/map/mercator.js";

const near = (a: number, b: number, slack = 1e-6) => assert.ok(Math.abs(a - b) < slack, `${a} is not ${b}`);

test("the projection and its inverse agree", () => {
  for (const lat of [-60, 0, 21.3, 45, 71.2]) near(latOf(worldY(lat)), lat);
  for (const lon of [-179, -87.9, 0, 120]) near(lonOf(worldX(lon)), lon);
});

test("a box that is fitted lies within the inset, and touches it", () => {
  const camera = new Camera(() => {});
  camera.resize(1000, 700);
  const box = { west: -95, south: 36, east: -80, north: 44 };
  camera.fit(box, 100, 80);
  const seen = camera.bounds(100, 80);
  assert.ok(seen.west <= box.west + 1e-9 && seen.east >= box.east - 1e-9);
  assert.ok(seen.south <= box.south + 1e-9 && seen.north >= box.north - 1e-9);
  const touches = [seen.west - box.west, seen.south - box.south].some((d) => Math.abs(d) < 1e-6);
  assert.ok(touches, JSON.stringify(seen));
});

test("what is under the pointer stays there while it zooms", () => {
  const camera = new Camera(() => {});
  camera.resize(1000, 700);
  camera.moveTo(worldX(-90), worldY(40), 8000);
  const before = camera.at(300, 200);
  camera.zoom(1.7, 300, 200);
  const after = camera.at(300, 200);
  near(after.x, before.x, 1e-12);
  near(after.y, before.y, 1e-12);
});

test("the map can't be lost", () => {
  let changes = 0;
  const camera = new Camera(() => changes++);
  camera.resize(800, 600);
  for (let i = 0; i < 100; i++) camera.pan(5000, 5000);
  camera.zoom(1e9, 0, 0);
  camera.zoom(1e-9, 0, 0);
  const { west, north } = camera.bounds(0, 0);
  assert.ok(west >= -180 && north < 90);
  assert.ok(changes > 100);
});
