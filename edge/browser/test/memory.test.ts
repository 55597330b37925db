import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionMemory } from "../src/transport/memory.js";

test("what WebTransport has won once, WebSocket does not win for good", () => {
  const stored = new Map<string, string>();
  const storage = { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, value: string) => stored.set(key, value) };
  Object.defineProperty(globalThis, "sessionStorage", { value: storage, configurable: true });
  try {
    assert.equal(sessionMemory.recall(), undefined);
    sessionMemory.remember("websocket");
    assert.equal(sessionMemory.recall(), "websocket", "UDP may be blocked");
    sessionMemory.remember("webtransport");
    sessionMemory.remember("websocket");
    assert.equal(sessionMemory.recall(), "webtransport");
  } finally {
    Reflect.deleteProperty(globalThis, "sessionStorage");
  }
});

test("without a storage the race is run every time", () => {
  sessionMemory.remember("websocket");
  assert.equal(sessionMemory.recall(), undefined);
});
