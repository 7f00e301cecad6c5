/**
 * Stock in PostgreSQL: units in stock, units reserved for orders, and the movements of both.
 *
 * A transaction locks an order's reservation first, then the products by their ids: no two wait for each other.
 */

import type { Call } from "./call.js";
import type * as shapes from "./contracts/contracts.js";
import type { Statements } from "./database.js";
import { publish } from "./outbox.js";
import { isId, Select, timestamp } from "./pages.js";
import { MOST_UNITS, notFound, outOfRange } from "./refusals.js";
import { scopeOf } from "./wire/cursors.js";
import { Fault } from "./wire/faults.js";

type Units = Pick<shapes.Stock, "product_id" | "units_in_stock" | "units_reserved">;
type Moves = ReadonlyMap<number, { readonly inStock: number; readonly reserved: number }>;
interface Cause {
  readonly kind: shapes.MovementKind;
  readonly orderId?: number;
  readonly userId?: string | undefined;
  readonly reason?: string;
}

const LOCK = `SELECT product_id, units_in_stock, units_reserved FROM products
  WHERE product_id = ANY($1) ORDER BY product_id FOR UPDATE`;
// Version and updated_at change with units_in_stock alone: what is reserved is no part of a product's representation.
const MOVE = `
  WITH line AS (
    SELECT * FROM unnest($1::integer[], $2::integer[], $3::integer[]) AS line (product_id, in_stock, reserved)
  ), kept AS (
    INSERT INTO stock_movements (product_id, in_stock, reserved, kind, order_id, user_id, reason)
    SELECT product_id, in_stock, reserved, $4, $5, $6, $7 FROM line
  )
  UPDATE products SET
    units_in_stock = units_in_stock + in_stock,
    units_reserved = units_reserved + reserved,
    version = version + CASE WHEN in_stock = 0 THEN 0 ELSE 1 END,
    updated_at = CASE WHEN in_stock = 0 THEN updated_at ELSE now() END
  FROM line WHERE products.product_id = line.product_id
  RETURNING products.product_id, products.version, line.in_stock`;
const EDIT = "INSERT INTO stock_movements (product_id, kind, in_stock, reserved, user_id) VALUES ($1, 'edited', $2, 0, $3)";
const CLAIM = "INSERT INTO stock_reservations (order_id, state) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING order_id";
const REFUSE = "UPDATE stock_reservations SET state = 'refused', short = $2 WHERE order_id = $1";
const END = `UPDATE stock_reservations SET state = $2, updated_at = now()
  WHERE order_id = $1 AND state = 'reserved' RETURNING order_id`;
const RESERVED = "SELECT product_id, reserved FROM stock_movements WHERE order_id = $1 AND kind = 'reserved'";
const MOVEMENT = `movement_id, kind, in_stock, reserved, order_id, user_id, reason,
  ${timestamp("at")}`;

/** The units of those products that there are. Nobody else changes them until the transaction ends. */
export async function lock(tx: Statements, productIds: readonly number[]): Promise<Map<number, Units>> {
  const { rows } = await tx.query<Units>(LOCK, [productIds]);
  return new Map(rows.map((row) => [row.product_id, row]));
}

/** Keep the movement of an edit, which has changed the units in stock itself. */
export async function keepEdit(tx: Statements, productId: number, inStock: number, userId: string | undefined): Promise<void> {
  await tx.query(EDIT, [productId, inStock, userId]);
}

/** Move the units and keep the movements. A product whose units in stock change is announced. */
async function move(tx: Statements, moves: Moves, cause: Cause, call: Call): Promise<void> {
  const inStock = [...moves.values()].map((units) => units.inStock);
  const reserved = [...moves.values()].map((units) => units.reserved);
  const values = [[...moves.keys()], inStock, reserved, cause.kind, cause.orderId, cause.userId, cause.reason];
  const { rows } = await tx.query<{ product_id: number; version: number; in_stock: number }>(MOVE, values);
  for (const row of rows) if (row.in_stock !== 0) await announce(tx, call, row);
}

/** Publish that the product has this version now. */
export async function announce(tx: Statements, call: Call, { product_id, version }: shapes.ProductChanged): Promise<void> {
  await publish(tx, call, "products.changed", String(product_id), { product_id, version } satisfies shapes.ProductChanged);
}

export async function get({ product_id }: shapes.GetStock, db: Statements): Promise<shapes.Stock> {
  const text = "SELECT product_id, units_in_stock, units_reserved FROM products WHERE product_id = $1";
  const { rows } = await db.query<Units>(text, [product_id]);
  if (rows[0] === undefined) throw notFound(product_id);
  return { ...rows[0], units_available: rows[0].units_in_stock - rows[0].units_reserved };
}

export async function movements(request: shapes.ListMovements, db: Statements): Promise<shapes.MovementPage> {
  await get(request, db);
  const select = new Select(MOVEMENT, "stock_movements").where("product_id = ?", request.product_id);
  const page = await select.page(db, [["movement_id", isId, true]], scopeOf("products.stock.movements", request), request);
  return { items: page.rows as unknown as shapes.Movement[], next_cursor: page.next };
}

async function change(productId: number, units: number, cause: Cause, tx: Statements, call: Call): Promise<shapes.Stock> {
  const stock = (await lock(tx, [productId])).get(productId);
  if (stock === undefined) throw notFound(productId);
  const after = stock.units_in_stock + units;
  if (after < stock.units_reserved || after > MOST_UNITS) throw outOfRange(productId, stock.units_reserved);
  await move(tx, new Map([[productId, { inStock: units, reserved: 0 }]]), cause, call);
  return get({ product_id: productId }, tx);
}

export async function receive(request: shapes.ReceiveStock, tx: Statements, call: Call): Promise<shapes.Stock> {
  const cause: Cause = { kind: "received", userId: call.caller?.sub, reason: request.reason };
  return change(request.product_id, request.quantity, cause, tx, call);
}

export async function adjust(request: shapes.AdjustStock, tx: Statements, call: Call): Promise<shapes.Stock> {
  const cause: Cause = { kind: "adjusted", userId: call.caller?.sub, reason: request.reason };
  return change(request.product_id, request.change, cause, tx, call);
}

/** All lines reserved, or refused with those that are short; if it was done before, what became of them. */
export async function reserve({ order_id, lines }: shapes.ReserveStock, tx: Statements, call: Call): Promise<shapes.Reservation> {
  const wanted = new Map<number, number>();
  for (const line of lines) wanted.set(line.product_id, (wanted.get(line.product_id) ?? 0) + line.quantity);
  if (!(await claim(tx, order_id, "reserved"))) return reservation(tx, order_id);
  const found = await lock(tx, [...wanted.keys()]);
  const short = [...wanted].flatMap(([product_id, units]) => {
    const stock = found.get(product_id);
    const in_stock = stock === undefined ? 0 : stock.units_in_stock - stock.units_reserved;
    return in_stock < units ? [{ product_id, wanted: units, in_stock }] : [];
  });
  if (short.length > 0) {
    await tx.query(REFUSE, [order_id, JSON.stringify(short)]);
  } else {
    const moves = new Map([...wanted].map(([id, units]) => [id, { inStock: 0, reserved: units }]));
    await move(tx, moves, { kind: "reserved", orderId: order_id }, call);
  }
  return reservation(tx, order_id);
}

/** Released, unless the units were refused or committed before. A reservation that comes later finds it so. */
export async function release({ order_id }: shapes.ReleaseStock, tx: Statements, call: Call): Promise<shapes.Reservation> {
  if (!(await claim(tx, order_id, "released"))) await end(tx, order_id, "released", 0, call);
  return reservation(tx, order_id);
}

/** Out of stock, unless the units were refused or released before. */
export async function commit({ order_id }: shapes.CommitStock, tx: Statements, call: Call): Promise<shapes.Reservation> {
  await end(tx, order_id, "committed", -1, call);
  return reservation(tx, order_id);
}

/** Whether the order has had no reservation, and has one now. Another transaction with it is waited for. */
async function claim(tx: Statements, orderId: number, state: shapes.ReservationState): Promise<boolean> {
  return (await tx.query(CLAIM, [orderId, state])).rowCount === 1;
}

/** End the reservation where there is one. Of each of its units, `inStock` go into the stock. */
async function end(
  tx: Statements,
  orderId: number,
  state: "released" | "committed",
  inStock: number,
  call: Call,
): Promise<void> {
  if ((await tx.query(END, [orderId, state])).rowCount !== 1) return;
  const { rows } = await tx.query<{ product_id: number; reserved: number }>(RESERVED, [orderId]);
  const moves = new Map(rows.map((row) => [row.product_id, { inStock: inStock * row.reserved, reserved: -row.reserved }]));
  await lock(tx, [...moves.keys()]);
  await move(tx, moves, { kind: state, orderId }, call);
}

async function reservation(tx: Statements, orderId: number): Promise<shapes.Reservation> {
  const text = "SELECT order_id, state, short FROM stock_reservations WHERE order_id = $1";
  const { rows } = await tx.query<shapes.Reservation>(text, [orderId]);
  if (rows[0] === undefined) throw new Fault("not_found", "nothing_reserved", `nothing was reserved for order ${orderId}`);
  return rows[0];
}
