/** The environment of a products worker, as `mesh up --without products` writes it to .mesh/env/products.env. */

import { readFileSync } from "node:fs";

export interface Settings {
  readonly servers: string[];
  readonly seed: string | undefined;
  readonly ca: string | undefined;
  readonly databaseUrl: string;
  readonly poolSize: number;
  readonly concurrency: number;
  readonly queue: number;
  readonly issuer: string;
  readonly audience: string;
  readonly heartbeat: string | undefined;
}

/** Throws an error that names the variable. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const { NATS_NKEY_SEED_FILE: file, NATS_NKEY_SEED: seed, PRODUCTS_DATABASE_URL: databaseUrl } = environment;
  if (databaseUrl === undefined) throw new Error("PRODUCTS_DATABASE_URL is missing");
  const whole = (name: string, usual: number, least: number): number => {
    const value = Number(environment[name] ?? usual);
    if (!Number.isInteger(value) || value < least) throw new Error(`${name} must be a whole number of at least ${least}`);
    return value;
  };
  return {
    servers: (environment["NATS_URL"] ?? "nats://127.0.0.1:4222").split(",").map((url) => url.trim()),
    seed: file === undefined ? seed : readFileSync(file, "utf8").trim(),
    ca: environment["NATS_TLS_CA"],
    databaseUrl,
    poolSize: whole("PRODUCTS_POOL_SIZE", 10, 1),
    concurrency: whole("MESH_CONCURRENCY", 64, 1),
    queue: whole("MESH_QUEUE_SIZE", 256, 0),
    issuer: environment["TOKEN_ISSUER"] ?? "northwind-mesh",
    audience: environment["TOKEN_AUDIENCE"] ?? "northwind-mesh",
    heartbeat: environment["MESH_HEARTBEAT_FILE"],
  };
}
