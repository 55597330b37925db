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
    this.result.replaceChildren(marked(expression, columnOf(error.message)), make("span", "", error.message));
    if (error.hint) this.result.append(make("span", "hint", error.hint));
    this.result.append(make("span", "hint", "The condition before it goes on holding."));
  }
}

/** Finds the column that a filter's message names, as in "expected a value after '>' at 1:9"; from 1 on, in characters. */
export function columnOf(message: string): number | undefined {
  const unquoted = message.replace(/'[^']*'/g, "");
  const found = /\bat \d+:(\d+)/.exec(unquoted);
  return found ? Number(found[1]) : undefined;
}

/** The expression with the character at a column marked, or the place behind its end. */
function marked(expression: string, column: number | undefined): HTMLElement {
  const code = make("code");
  const characters = [...expression];
  const at = column === undefined ? characters.length : Math.max(0, column - 1);
  code.append(characters.slice(0, at).join(""));
  if (column !== undefined) code.append(make("mark", "", characters[at] ?? "\u00a0"));
  code.append(characters.slice(at + 1).join(""));
  return code;
}
