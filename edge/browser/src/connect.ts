import type { ConnectOptions, Weir } from "./api/weir.js";
import { Client } from "./client.js";
import { systemClock } from "./clock.js";
import { candidatesOf, locator } from "./endpoint.js";
import { watchPage } from "./network.js";
import { sessionMemory } from "./transport/memory.js";

/**
 * Connects to a relay and stays connected, until closed.
 *
 * @example
 * ```ts
 * const weir = connect({ url: "https://relay.example", token: () => fetch("/token").then((r) => r.text()) });
 * weir.subscribe("chat", (message) => console.log(message));
 * await weir.publish("chat", { text: "hello" });
 * ```
 * @returns at once; see {@link Weir.ready}.
 * @throws {@link WeirError} `invalid_argument` if the options make no sense.
 */
export function connect(options: ConnectOptions = {}): Weir {
  return new Client(options, {
    clock: systemClock,
    locate: locator(options),
    candidates: (endpoint, winner) => candidatesOf(endpoint, options.transports, winner),
    memory: sessionMemory,
  }, watchPage);
}
