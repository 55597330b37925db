import type { Wish } from "../flights/steering.js";
import { make } from "./element.js";

/** Shows a subscription as the code that would make it. */
export function showSubscription(target: HTMLElement, { bounds, expression }: Wish): void {
  const numbers = Object.entries(bounds).map(([side, degrees]) => `${side}: ${(degrees as number).toFixed(2)}`);
  const parts: Array<Node | string> = [
    "weir.subscribe(", string("flights"), ", { filters: [\n  { name: ", string("viewport"), ", params: {\n    ",
    `${numbers.slice(0, 2).join(", ")},\n    ${numbers.slice(2).join(", ")},\n  } },\n`,
  ];
  if (expression) parts.push("  { name: ", string("expr"), ", params: {\n    expr: ", string(expression), "\n  } },\n");
  parts.push("] })");
  target.replaceChildren(...parts);
}

function string(s: string): HTMLElement {
  return make("span", "s", JSON.stringify(s));
}
