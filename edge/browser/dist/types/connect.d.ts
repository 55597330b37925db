import type { ConnectOptions, Weir } from "./api/weir.js";
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
export declare function connect(options?: ConnectOptions): Weir;
