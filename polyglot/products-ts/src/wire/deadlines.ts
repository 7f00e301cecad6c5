/** How long a request may still take (W-DDL), whatever the caller's clock says. All times are in milliseconds. */

import { invalid } from "./faults.js";
import type { Headers } from "./headers.js";

function milliseconds(headers: Headers, name: string): number | undefined {
  const text = headers.get(name);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw invalid(name, "invalid_header", "must be a whole number of milliseconds");
}

/** What is left of the request. `waited` says how long ago it was sent, given the time of sending by the caller's clock. */
export function timeLeft(headers: Headers, timeout: number, now: number, waited: (sent: number) => number): number {
  const given = milliseconds(headers, "Request-Timeout");
  const until = milliseconds(headers, "Request-Deadline");
  if (given === undefined) return until === undefined ? timeout : Math.min(timeout, until - now);
  return Math.min(timeout, until === undefined ? given : given - waited(until - given));
}

interface Ages {
  least: number;
  leastOfBoth: number;
  since: number;
  count: number;
}

const RELEARN = 5000;
const ENOUGH = 3;
const MOST_CALLERS = 1000;
const WORTH_A_WARNING = 1000;

/** Compares callers' clocks with ours. A request that seems older than its caller's youngest ones has waited. */
export class Clocks {
  private readonly callers = new Map<string, Ages>();

  constructor(private readonly warn: (caller: string, seconds: number) => void) {}

  /** How long the request was on its way; by its caller and by caller and subject, the lesser counts (W-DDL-5). */
  waited(reply: string, subject: string, sent: number, now: number): number {
    const caller = reply.slice(0, reply.lastIndexOf("."));
    const age = now - sent;
    return Math.min(this.older(caller, age, now, true), this.older(`${caller} ${subject}`, age, now, false));
  }

  private older(key: string, age: number, now: number, warns: boolean): number {
    const known = this.callers.get(key);
    if (known === undefined) {
      const oldest = this.callers.keys().next();
      if (this.callers.size >= MOST_CALLERS && !oldest.done) this.callers.delete(oldest.value);
      this.callers.set(key, { least: age, leastOfBoth: age, since: now, count: 1 });
      if (warns && Math.abs(age) >= WORTH_A_WARNING) this.warn(key, Math.round(age / 100) / 10);
      return 0;
    }
    if (now >= known.since + RELEARN && known.count >= ENOUGH) {
      Object.assign(known, { least: age, leastOfBoth: Math.min(age, known.least), since: now, count: 1 });
    } else {
      known.count += 1;
      known.least = Math.min(age, known.least);
      known.leastOfBoth = Math.min(known.least, known.leastOfBoth);
    }
    return age - known.leastOfBoth;
  }
}
