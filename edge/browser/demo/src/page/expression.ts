import type { WeirError } from "/weir.js";
import { element, make } from "./element.js";

/** The box for a condition. Says what the filter says, and where it says that something is wrong. */
export class ExpressionBox {
  private readonly input = element("expr", HTMLInputElement);
  private readonly result = element("expr-result");

  constructor(apply: (expression: string) => void) {
    element("expr-form").addEventListener("submit", (event) => {
      event.preventDefault();
      apply(this.input.value.trim());
    });
    for (const chip of document.querySelectorAll<HTMLButtonElement>("[data-expr]")) {
      chip.addEventListener("click", () => {
        this.input.value = chip.dataset["expr"] ?? "";
        apply(this.input.value);
      });
    }
    this.input.addEventListener("input", () => this.input.removeAttribute("aria-invalid"));
  }

  accepted(expression: string): void {
    this.input.removeAttribute("aria-invalid");
    this.result.className = expression ? "good" : "";
    this.result.textContent = expression ? "Only aircraft that meet the condition are sent." : "";
  }

  refused(expression: string, error: WeirError): void {
    this.input.setAttribute("aria-invalid", "true");
    this.result.className = "bad";
    this.result.replaceChildren(marked(expression, placeOf(error.message)), make("span", "", error.message));
    if (error.hint) this.result.append(make("span", "hint", error.hint));
    this.result.append(make("span", "hint", "The condition before it goes on holding."));
  }
}

/** Finds the place in a filter's message: "at column 9", counted from 1. */
export function placeOf(message: string): number | undefined {
  const found = /\b(?:column|character|position|byte)\s+(\d+)/i.exec(message);
  return found ? Number(found[1]) : undefined;
}

function marked(expression: string, place: number | undefined): HTMLElement {
  const code = make("code");
  if (place === undefined) {
    code.textContent = expression;
    return code;
  }
  const at = Math.min(Math.max(0, place - 1), expression.length);
  code.append(expression.slice(0, at), make("mark", "", expression[at] ?? " "), expression.slice(at + 1));
  return code;
}
