/** Verifies access tokens (W-TOK) with the keys of auth, which are fetched seldom and kept. */

import { compactVerify, importJWK, type CryptoKey, type JWK } from "jose";
import { Fault, overloaded } from "./wire/faults.js";
import { readJson } from "./wire/json.js";

export interface Caller {
  readonly sub: string;
  readonly sid: string;
  readonly roles: readonly string[];
}

const LONGEST = 4096;
const LEEWAY = 30;
const GOOD_FOR = 600_000;
const REFETCH_AFTER = 60_000;
const RETRY_AFTER = 1_000;
const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{85}[AQgw]$/;
const BEARER = /^bearer ([\x21-\x7e]+)$/i;

function invalidToken(detail: string): Fault {
  return new Fault("unauthenticated", "invalid_token", detail);
}

export class Verifier {
  private keys = new Map<string, CryptoKey | Uint8Array>();
  private askedAt = -Infinity;
  private failed = false;
  private fetching: Promise<void> | undefined;

  constructor(
    private readonly fetchKeys: () => Promise<readonly JWK[]>,
    private readonly issuer: string,
    private readonly audience: string,
  ) {}

  /** Who asks. Throws a Fault. */
  async verify(authorization: string): Promise<Caller> {
    if (authorization.length > LONGEST + "Bearer ".length) throw invalidToken("the access token is too long");
    const token = BEARER.exec(authorization)?.[1] ?? "";
    const [, first = "", second = ""] = COMPACT.exec(token) ?? [];
    const header = readPart(first);
    const claims = readPart(second);
    if (header["alg"] !== "EdDSA" || header["typ"] !== "at+jwt" || typeof header["kid"] !== "string" || "crit" in header) {
      throw invalidToken("not an access token of this mesh");
    }
    const key = await this.key(header["kid"]);
    try {
      await compactVerify(token, key, { algorithms: ["EdDSA"] });
    } catch {
      throw invalidToken("the signature is not valid");
    }
    return this.caller(claims);
  }

  private caller(claims: Record<string, unknown>): Caller {
    const { iss, aud, sub, sid, jti, exp, nbf, iat, roles } = claims;
    const texts = [sub, sid, jti].every((claim) => typeof claim === "string" && claim !== "");
    const times = [exp, nbf, iat].every(Number.isSafeInteger);
    if (!texts || !times || !Array.isArray(roles) || !roles.every((role) => typeof role === "string")) {
      throw invalidToken("the access token is malformed");
    }
    const now = Date.now() / 1000;
    const early = Number(nbf) > now + LEEWAY || Number(iat) > now + LEEWAY;
    if (iss !== this.issuer || aud !== this.audience || early) throw invalidToken("the access token is not valid");
    if (Number(exp) <= now - LEEWAY) throw new Fault("unauthenticated", "token_expired", "the access token has expired");
    return { sub: String(sub), sid: String(sid), roles };
  }

  private async key(kid: string): Promise<CryptoKey | Uint8Array> {
    const known = this.keys.get(kid);
    const fetching = this.fetch(known === undefined ? REFETCH_AFTER : GOOD_FOR);
    if (known !== undefined) return known;
    await fetching;
    const fetched = this.keys.get(kid);
    if (fetched !== undefined) return fetched;
    if (this.failed) throw overloaded("dependency_unavailable", "a service that this one depends on is not available");
    throw invalidToken("the access token is signed by an unknown key");
  }

  /** Fetch the keys, unless somebody does so now, or did less than `rest` milliseconds ago. */
  private fetch(rest: number): Promise<void> | undefined {
    const pause = this.failed ? Math.min(rest, RETRY_AFTER) : rest;
    if (this.fetching !== undefined || performance.now() - this.askedAt < pause) return this.fetching;
    this.askedAt = performance.now();
    this.fetching = this.load().finally(() => (this.fetching = undefined));
    return this.fetching;
  }

  private async load(): Promise<void> {
    try {
      const keys = new Map<string, CryptoKey | Uint8Array>();
      for (const jwk of await this.fetchKeys()) keys.set(String(jwk.kid), await importJWK(jwk, "EdDSA"));
      this.keys = keys;
      this.failed = false;
    } catch {
      this.failed = true;
    }
  }
}

function readPart(part: string): Record<string, unknown> {
  try {
    const value = readJson(Buffer.from(part, "base64url"));
    if (value !== null && typeof value === "object" && !Array.isArray(value) && !fractions(value)) return value as Record<string, unknown>;
  } catch {
    // The fault below says enough.
  }
  throw invalidToken("the Authorization header is not `Bearer <access token>`, or the token is malformed");
}

/** Whether a number in the value is not whole. */
function fractions(value: object): boolean {
  return Object.values(value).some((one) => Number.isNaN(one) || (one !== null && typeof one === "object" && fractions(one)));
}
