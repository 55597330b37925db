import { readFileSync } from "node:fs";

/** Reads a file of proto/vectors; compiled tests lie in .cache/test/test. */
export function vectors<V>(name: string): V[] {
  return JSON.parse(readFileSync(new URL(`../../../../../proto/vectors/${name}`, import.meta.url), "utf8")) as V[];
}
