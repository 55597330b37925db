import { element, show } from "./element.js";

/** What is wrong, by what it concerns; the oldest is shown. */
const troubles = new Map<string, { readonly title: string; readonly text: string }>();

/** Says over the map what is wrong, until it is resolved. */
export function notify(concern: string, title: string, text: string): void {
  troubles.set(concern, { title, text });
  render();
}

export function resolved(concern: string): void {
  troubles.delete(concern);
  render();
}

function render(): void {
  const [first] = troubles.values();
  element("notice").hidden = !first;
  if (!first) return;
  show(element("notice-title"), first.title);
  show(element("notice-text"), first.text);
}
