import { connect } from "/weir.js";
import { cut, talkMeanwhile } from "./chat/outage.js";
import { readAll, startChat } from "./chat/start.js";
import { startFlights } from "./flights/start.js";
import { Traffic } from "./meters/traffic.js";
import { refreshConnection, showConnection, showEnd } from "./page/connection.js";
import { element } from "./page/element.js";
import { Meters } from "./page/meters.js";
import { connectOptions } from "./page/options.js";
import { startTabs } from "./page/tabs.js";
import { startTheme } from "./page/theme.js";

const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

const client = connect(connectOptions());
showConnection(client);
startTabs((tab) => {
  if (tab === "chat") readAll();
});
const chat = startChat(client);
const flights = await startFlights(client, () => reducedMotion.matches);
showEnd(flights.subscription);
showEnd(chat);
startTheme(element("theme"), () => flights.map.recolour());

const traffic = new Traffic(flights.subscription);
const meters = new Meters();
setInterval(() => {
  if (client.state !== "connected") traffic.reset();
  meters.render(traffic.read(performance.now()), flights.subscription);
  flights.details.refresh();
  refreshConnection(client);
  const empty = client.state === "connected" && flights.subscription.cursor !== undefined && flights.fleet.present.size === 0;
  document.body.toggleAttribute("data-empty", empty);
}, 1000);

for (const button of document.querySelectorAll<HTMLButtonElement>("[data-cut]")) {
  button.addEventListener("click", () => {
    cut(client, Number(button.dataset["cut"]));
    if (button.dataset["talk"] !== undefined) void talkMeanwhile(element("outage"));
  });
}

const about = element("about", HTMLDialogElement);
element("about-open").addEventListener("click", () => about.showModal());
about.addEventListener("click", (event) => {
  if (event.target === about) about.close(); // the backdrop
});

// For tests, and for whoever opens the console.
Object.assign(window, { __weir: { client, flights: flights.subscription, chat, fleet: flights.fleet, camera: flights.camera } });
