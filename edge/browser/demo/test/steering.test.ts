import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import type { FilterSpec, Subscription, WeirError } from "/weir.js";
import { filtersOf, Steering, type Wish } from "../src/flights/steering.js";

const box = (west: number) => ({ west, south: 30, east: west + 10, north: 40 });
const first: Wish = { bounds: box(-100), expression: "" };

/** A subscription that answers when the test says so. */
class FakeSubscription {
  readonly asked: Array<readonly FilterSpec[]> = [];
  private answer: { resolve: () => void; reject: (error: Error) => void } | undefined;

  setFilters(filters: readonly FilterSpec[]): Promise<void> {
    assert.equal(this.answer, undefined, "a second change before the first was answered");
    this.asked.push(filters);
    return new Promise((resolve, reject) => (this.answer = { resolve, reject }));
  }

  async accept(): Promise<void> {
    const answer = this.answer;
    this.answer = undefined;
    answer?.resolve();
    await settled();
  }

  async refuse(message: string): Promise<void> {
    const answer = this.answer;
    this.answer = undefined;
    answer?.reject(new Error(message));
    await settled();
  }
}

const settled = async () => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

const pause = async () => {
  mock.timers.tick(100);
  await settled();
};

function start() {
  const subscription = new FakeSubscription();
  const told: string[] = [];
  const steering = new Steering(first, {
    holds: (wish) => told.push(`holds ${wish.bounds.west} ${wish.expression}`),
    accepted: (expression) => told.push(`accepted ${expression}`),
    refused: (expression, error: WeirError) => told.push(`refused ${expression}: ${error.message}`),
  });
  steering.begin(subscription as unknown as Subscription);
  return { subscription, told, steering };
}

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
});

test("the latest of many movements wins, one change at a time", async () => {
  const { subscription, told, steering } = start();
  for (let west = -99; west <= -90; west++) steering.look(box(west));
  await pause();
  assert.deepEqual(subscription.asked, [filtersOf({ bounds: box(-90), expression: "" })]);
  for (let west = -89; west <= -80; west++) {
    steering.look(box(west));
    await pause();
  }
  assert.equal(subscription.asked.length, 1);
  await subscription.accept();
  await pause();
  assert.deepEqual(subscription.asked[1], filtersOf({ bounds: box(-80), expression: "" }));
  await subscription.accept();
  await pause();
  assert.equal(subscription.asked.length, 2);
  assert.deepEqual(told, ["holds -90 ", "holds -80 "]);
});

test("a map that comes back to where it was asks for nothing", async () => {
  const { subscription, steering } = start();
  steering.look({ ...first.bounds });
  await pause();
  assert.equal(subscription.asked.length, 0);
});

test("a condition that is refused is told, and the older one goes on holding while the map moves", async () => {
  const { subscription, told, steering } = start();
  steering.only("delay > 60");
  await pause();
  await subscription.accept();
  steering.only("delay >");
  await pause();
  steering.look(box(-95));
  await subscription.refuse("a number is missing at column 8");
  await pause();
  assert.deepEqual(subscription.asked[2], filtersOf({ bounds: box(-95), expression: "delay > 60" }));
  await subscription.accept();
  assert.deepEqual(told, [
    "holds -100 delay > 60", "accepted delay > 60", "refused delay >: a number is missing at column 8", "holds -95 delay > 60",
  ]);
});

test("a newer condition is tried though the one before it was refused", async () => {
  const { subscription, told, steering } = start();
  steering.only("delay >");
  await pause();
  steering.only("delay > 1");
  await subscription.refuse("no");
  await pause();
  await subscription.accept();
  assert.deepEqual(told, ["refused delay >: no", "holds -100 delay > 1", "accepted delay > 1"]);
});

test("going back to the condition that holds clears the refusal without asking", async () => {
  const { subscription, told, steering } = start();
  steering.only("delay >");
  await pause();
  await subscription.refuse("no");
  steering.only("");
  await pause();
  assert.equal(subscription.asked.length, 1);
  assert.deepEqual(told, ["refused delay >: no", "accepted "]);
});
