/** Write weir filters in AssemblyScript. See README.md of a project that "weir filter new" writes. */

export { filter, projects, routes } from "./filter";
export { find, Kind, Value, values } from "./json";
export { log } from "./log";
export { put, putF64, putText, putU32, putU64, putU8, refuse } from "./output";
export { ANY_KEY, putKey, routingKey } from "./key";
export { Bytes, Event, Groups, Verdicts } from "./types";
