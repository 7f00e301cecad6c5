/** What callers hear of products and their stock. */

import { Fault } from "./wire/faults.js";

export const MOST_UNITS = 2 ** 31 - 1;

export function notFound(productId: number): Fault {
  return new Fault("not_found", "product_not_found", `there is no product ${productId}`);
}

export function outOfRange(productId: number, reserved: number): Fault {
  const detail = `product ${productId} must keep at least ${reserved} units, which are reserved, and at most ${MOST_UNITS}`;
  return new Fault("conflict", "stock_out_of_range", detail);
}

export function otherVersion(what: string, id: number, current: number, expected: number | null): Fault {
  return new Fault("conflict", "version_mismatch", `${what} ${id} has version ${current}, not ${expected}`, [], current);
}
