/** PostgreSQL: every wait is bounded, and an outage is a fault that callers understand. */

import pg from "pg";
import { Fault, late, overloaded } from "./wire/faults.js";

/** Runs statements: the pool, or a connection within a transaction. */
export type Statements = Pick<pg.ClientBase, "query">;

const STATEMENT = 3000;
/** Milliseconds before its deadline by which a request has a connection: its caller is to hear what it waited for. */
const TO_ANSWER = 500;
const SESSION = {
  application_name: "products",
  connectionTimeoutMillis: 5000, // the pool applies it to the wait for a free connection too: see `connect`
  statement_timeout: STATEMENT,
  query_timeout: 3500,
  lock_timeout: 2000,
  idle_in_transaction_session_timeout: 10_000,
  options: "-c timezone=UTC",
};
/** Classes and codes of SQLSTATE that are the database's own trouble. */
const AWAY = /^(08|26|28|3D|3F|40|53|55|57|58|72|F0|HV|XX|25P0[34]|42501|4270[34]|42804|42809|42883|42P0[15])/;
const READ_ONLY = "25006";
/** What must have been applied before this worker can serve (W-STATE-2). */
export const MIGRATIONS = [
  "0001_catalogue.sql",
  "0002_idempotency_keys.sql",
  "0003_order_by_a_part.sql",
  "0004_stock.sql",
  "0005_versions.sql",
  "0006_prices.sql",
  "0007_dates.sql",
  "events_0001_outbox_and_inbox.sql",
];

export class Database {
  private readonly pool: pg.Pool;
  private readonly spare: pg.Pool;
  private answered = 0;

  constructor(connectionString: string, size: number) {
    this.pool = new pg.Pool({ ...SESSION, connectionString, max: size });
    this.spare = new pg.Pool({ ...SESSION, connectionString, max: 1, query_timeout: 1000, connectionTimeoutMillis: 1000 });
    for (const pool of [this.pool, this.spare]) pool.on("error", () => {}); // an idle connection broke: the next one is new
  }

  /** Work on a connection outside of a transaction. */
  async read<T>(left: number, work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.connected(left, work);
  }

  /** Work in a transaction. It is rolled back if `isLate` throws before the commit. */
  async transaction<T>(left: number, isLate: () => void, work: (statements: Statements) => Promise<T>): Promise<T> {
    return this.connected(left, async (client) => {
      const limit = Math.max(1, Math.min(STATEMENT, Math.ceil(left)));
      await client.query(`BEGIN; SET LOCAL statement_timeout = ${limit}`);
      const result = await work(client);
      isLate();
      await client.query("COMMIT");
      return result;
    });
  }

  /** What a living database cannot do, if anything. Throws if it is away, or lacks the tables. */
  async probe(): Promise<string | undefined> {
    const client = await this.spare.connect();
    try {
      const { rows } = await client.query("SELECT current_setting('transaction_read_only') AS read_only");
      const { rows: applied } = await client.query("SELECT name FROM schema_migrations WHERE name = ANY($1)", [MIGRATIONS]);
      if (applied.length < MIGRATIONS.length) throw new Error("its tables are not migrated");
      client.release(rows[0].read_only !== "off"); // the next connection may reach the primary
      return rows[0].read_only === "off" ? undefined : "the database is read-only";
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.pool.end(), this.spare.end()]);
  }

  private async connected<T>(left: number, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connect(left);
    try {
      const result = await work(client);
      this.answered = performance.now();
      client.release();
      return result;
    } catch (error) {
      await giveBack(client, error);
      throw asFault(error);
    }
  }

  /** A connection, while the request has time left. A wait that only other requests cause is no outage. */
  private async connect(left: number): Promise<pg.PoolClient> {
    const began = performance.now();
    const away = () => (this.answered > began ? late() : overloaded("database_unavailable", "the database is not available"));
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_, reject) => (timer = setTimeout(() => reject(away()), Math.max(left / 2, left - TO_ANSWER))));
    const connecting = this.pool.connect();
    try {
      return await Promise.race([connecting, expired]);
    } catch (error) {
      connecting.then((client) => client.release(), () => {}); // it comes too late for this request
      throw asFault(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Return a connection after an error. One that is silent or spoilt is closed. */
async function giveBack(client: pg.PoolClient, error: unknown): Promise<void> {
  const usable = error instanceof Fault || (error instanceof pg.DatabaseError && !/^(08|57P|25006)/.test(error.code ?? ""));
  try {
    if (usable) await client.query("ROLLBACK");
    client.release(!usable);
  } catch {
    client.release(true);
  }
}

/** The fault for an error of the driver or the server; other errors stay as they are. */
function asFault(error: unknown): unknown {
  if (error instanceof Fault || !(error instanceof Error)) return error;
  const code = (error as { code?: unknown }).code;
  const isAnswer = error instanceof pg.DatabaseError && typeof code === "string";
  if (isAnswer && code === READ_ONLY) return overloaded("database_read_only", "the database is read-only");
  if (isAnswer && !AWAY.test(code)) return error;
  const isOutage = isAnswer || typeof code === "string" || /timeout|terminated|connection/i.test(error.message);
  return isOutage ? overloaded("database_unavailable", "the database is not available") : error;
}

export function lockNotAvailable(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === "55P03";
}

/** The name of the constraint that the error tells of, for a reference to a row that is not there. */
export function brokenReference(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError && error.code === "23503" ? error.constraint : undefined;
}

