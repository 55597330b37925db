/**
 * The tabs pattern of the ARIA Authoring Practices: one tab stop, arrow keys choose, and the choice is in the address.
 *
 * @param chosen is called with the name of each tab that is chosen, the first one included
 */
export function startTabs(chosen: (name: string) => void): void {
  const tabs = [...document.querySelectorAll<HTMLButtonElement>("[role=tab]")];

  const choose = (tab: HTMLButtonElement) => {
    for (const t of tabs) {
      const selected = t === tab;
      t.setAttribute("aria-selected", String(selected));
      t.tabIndex = selected ? 0 : -1;
      const panel = document.getElementById(t.getAttribute("aria-controls") ?? "");
      if (panel) panel.hidden = !selected;
    }
    const name = nameOf(tab);
    document.body.dataset["tab"] = name;
    chosen(name);
  };
  const byAddress = () => tabs.find((t) => nameOf(t) === location.hash.slice(1)) ?? tabs[0];

  tabs.forEach((tab, i) => {
    tab.addEventListener("click", () => {
      history.replaceState(null, "", `#${nameOf(tab)}`);
      choose(tab);
    });
    tab.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const next = step === undefined ? undefined : tabs[(i + step + tabs.length) % tabs.length];
      next?.focus();
      next?.click();
    });
  });
  addEventListener("hashchange", () => {
    const tab = byAddress();
    if (tab) choose(tab);
  });
  const first = byAddress();
  if (first) choose(first);
}

function nameOf(tab: HTMLElement): string {
  return tab.id.replace(/^tab-/, "");
}
