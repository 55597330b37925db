/** The element with an id, of a certain kind. The page has them all: if one is missing, page and script do not belong together. */
export function element<T extends Element = HTMLElement>(id: string, kind?: new () => T): T {
  const found = document.getElementById(id);
  if (!found || (kind && !(found instanceof kind))) throw new Error(`the page has no #${id}`);
  return found as unknown as T;
}

/** Sets an element's text if it is another one, and the plain value beside it, for tests and tools. */
export function show(target: HTMLElement, text: string, value?: number | string): void {
  if (target.textContent !== text) target.textContent = text;
  if (value !== undefined) target.dataset["value"] = String(value);
}

/** Makes an element with a class and text. */
export function make<K extends keyof HTMLElementTagNameMap>(tag: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}
