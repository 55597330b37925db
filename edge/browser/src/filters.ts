import type { FilterSpec, SubscribeOptions } from "./api/subscription.js";
import { WeirError } from "./error.js";

/** A filter as it travels. */
export interface WireFilter {
  readonly name: string;
  readonly version: number;
  readonly params: Uint8Array;
}

/** Bytes that a filter's params may have (SPEC.md, section 10): a longer frame would cost the session. */
const maxParams = 16 << 10;
/** Filters of a subscription (SPEC.md, section 10). */
const maxFilters = 4;

const encoder = new TextEncoder();

/** @throws {@link WeirError} if the filters can't be what the caller meant. */
export function filtersOf(options: Pick<SubscribeOptions, "filter" | "params" | "version" | "filters">): WireFilter[] {
  const { filter, params, version, filters } = options;
  if (filter === undefined) {
    if (params !== undefined || version !== undefined) throw invalid("params and version need a filter to belong to");
    return wireFilters(filters ?? []);
  }
  if (filters !== undefined) throw invalid("give either filter or filters");
  return wireFilters([{ name: filter, params, ...(version === undefined ? {} : { version }) }]);
}

/** @throws {@link WeirError} `too_many_filters` or `filter_params_invalid`. */
export function wireFilters(filters: readonly FilterSpec[]): WireFilter[] {
  if (filters.length > maxFilters) {
    throw new WeirError("too_many_filters", `${filters.length} filters, at most ${maxFilters} are possible`);
  }
  return filters.map(({ name, version, params }) => ({ name, version: version ?? 0, params: encodeParams(name, params) }));
}

/** Params as a filter reads them: bytes as they are, a string as UTF-8, anything else as JSON. */
export function encodeParams(name: string, params: unknown): Uint8Array {
  const bytes = params === undefined ? new Uint8Array()
    : params instanceof Uint8Array ? params.slice()
    : encoder.encode(typeof params === "string" ? params : JSON.stringify(params));
  if (bytes.length <= maxParams) return bytes;
  throw new WeirError("filter_params_invalid", `the params of ${name} have ${bytes.length} bytes, at most ${maxParams} are possible`);
}

function invalid(message: string): WeirError {
  return new WeirError("invalid_argument", message);
}
