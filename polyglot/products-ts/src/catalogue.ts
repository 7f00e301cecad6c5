/** Products, categories and suppliers in PostgreSQL. Each rule is enforced in a single statement. */

import type { Call } from "./call.js";
import type * as shapes from "./contracts/contracts.js";
import { brokenReference, type Statements } from "./database.js";
import { publish } from "./outbox.js";
import { isAmount, isCount, isId, isName, Select, type Order } from "./pages.js";
import { notFound, outOfRange } from "./refusals.js";
import { keepEdit, lock } from "./stock.js";
import { scopeOf } from "./wire/cursors.js";
import { Fault, invalid } from "./wire/faults.js";
import { fold, likePattern } from "./wire/folding.js";

type Values = Readonly<Record<string, unknown>>;

const COLUMNS = `product_id, product_name, supplier_id, category_id, quantity_per_unit, unit_price, units_in_stock,
  units_on_order, reorder_level, discontinued, version`;
const CATEGORY = "category_id, category_name, description";
const SUPPLIER = `supplier_id, company_name, contact_name, contact_title, address, city, region, postal_code, country,
  phone, fax, homepage`;
const BY_ID: Order = [["product_id", isId]];
const ORDERS: Readonly<Record<string, Order>> = {
  product_id: BY_ID,
  product_name: [["product_name_order", isName], ...BY_ID],
  unit_price: [["unit_price", isAmount], ...BY_ID],
  units_in_stock: [["units_in_stock", isCount], ...BY_ID],
};
const REFERENCES: Readonly<Record<string, readonly [field: string, reason: string]>> = {
  products_category_id_fkey: ["category_id", "unknown_category"],
  products_supplier_id_fkey: ["supplier_id", "unknown_supplier"],
};

function otherVersion(product: shapes.Product, expected: number | null): Fault {
  const detail = `product ${product.product_id} has version ${product.version}, not ${expected}`;
  return new Fault("conflict", "version_mismatch", detail, [], product.version);
}

export async function get({ product_id }: shapes.GetProduct, db: Statements): Promise<shapes.Product> {
  const text = `SELECT ${COLUMNS} FROM products WHERE product_id = $1`;
  const { rows } = await db.query<shapes.Product>({ name: "product", text, values: [product_id] });
  if (rows[0] === undefined) throw notFound(product_id);
  return rows[0];
}

export async function getMany({ product_ids }: shapes.GetProducts, db: Statements): Promise<shapes.ProductsFound> {
  const asked = [...new Set<number>(product_ids)];
  const { rows } = await db.query<shapes.Product>(`SELECT ${COLUMNS} FROM products WHERE product_id = ANY($1)`, [asked]);
  const found = new Map(rows.map((row) => [row.product_id, row]));
  return { items: asked.flatMap((id) => found.get(id) ?? []), missing: asked.filter((id) => !found.has(id)) };
}

export async function list(request: shapes.ListProducts, db: Statements): Promise<shapes.ProductPage> {
  const { sort = "product_id", discontinued, low_stock, q } = request;
  const select = new Select(`${COLUMNS}, product_name_order`, "products")
    .where("category_id = ?", request.category_id)
    .where("supplier_id = ?", request.supplier_id)
    .where("product_name_folded LIKE ?", typeof q === "string" ? likePattern(q) : q)
    .where("unit_price >= ?", request.min_price)
    .where("unit_price <= ?", request.max_price);
  if (typeof discontinued === "boolean") select.only(discontinued ? "discontinued" : "NOT discontinued");
  if (typeof low_stock === "boolean") select.only(`units_in_stock ${low_stock ? "<=" : ">"} reorder_level`);
  const order = ORDERS[sort.replace("-", "")] ?? BY_ID;
  const page = await select.page(db, order, sort.startsWith("-"), scopeOf("products.list", request, sort), request);
  const items = page.rows.map(({ product_name_order: _, ...product }) => product as unknown as shapes.Product);
  return { items, next_cursor: page.next };
}

export async function create(request: shapes.CreateProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  const columns = withFold({ ...request });
  const names = Object.keys(columns);
  const places = names.map((_, index) => `$${index + 1}`);
  const text = `INSERT INTO products (${names.join(", ")}) VALUES (${places.join(", ")}) RETURNING ${COLUMNS}`;
  return changed(await known("", tx.query<shapes.Product>(text, Object.values(columns))), tx, call);
}

export async function update(request: shapes.UpdateProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  const { product_id, patch } = request;
  if (patch.units_in_stock === undefined) return change(request, tx, call);
  const stock = (await lock(tx, [product_id])).get(product_id);
  if (stock === undefined) throw notFound(product_id);
  if (patch.units_in_stock < stock.units_reserved) throw outOfRange(product_id, stock.units_reserved);
  const product = await change(request, tx, call);
  const difference = product.units_in_stock - stock.units_in_stock;
  if (difference !== 0) await keepEdit(tx, product_id, difference, call.caller?.sub);
  return product;
}

async function change(request: shapes.UpdateProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  const columns = withFold({ ...request.patch });
  const assignments = Object.keys(columns).map((name, index) => `${name} = $${index + 3}`);
  const text = `UPDATE products SET ${assignments.join(", ")}, version = version + 1, updated_at = now()
    WHERE product_id = $1 AND version = $2 RETURNING ${COLUMNS}`;
  const values = [request.product_id, request.expected_version, ...Object.values(columns)];
  const product = await known("patch.", tx.query<shapes.Product>(text, values));
  if (product === undefined) throw otherVersion(await get(request, tx), request.expected_version);
  return changed(product, tx, call);
}

export async function discontinue(request: shapes.DiscontinueProduct, tx: Statements, call: Call): Promise<shapes.Product> {
  const { product_id, expected_version = null } = request;
  const text = `UPDATE products SET discontinued = true, version = version + 1, updated_at = now()
    WHERE product_id = $1 AND NOT discontinued AND ($2::integer IS NULL OR version = $2) RETURNING ${COLUMNS}`;
  const { rows } = await tx.query<shapes.Product>(text, [product_id, expected_version]);
  if (rows[0] !== undefined) return changed(rows[0], tx, call);
  const product = await get(request, tx);
  if (!product.discontinued) throw otherVersion(product, expected_version);
  return product;
}

export async function listCategories(request: shapes.ListCategories, db: Statements): Promise<shapes.CategoryPage> {
  const scope = scopeOf("products.categories.list", request);
  const page = await new Select(CATEGORY, "categories").page(db, [["category_id", isId]], false, scope, request);
  return { items: page.rows as unknown as shapes.Category[], next_cursor: page.next };
}

export async function listSuppliers(request: shapes.ListSuppliers, db: Statements): Promise<shapes.SupplierPage> {
  const scope = scopeOf("products.suppliers.list", request);
  const page = await new Select(SUPPLIER, "suppliers").page(db, [["supplier_id", isId]], false, scope, request);
  return { items: page.rows as unknown as shapes.Supplier[], next_cursor: page.next };
}

export async function getSupplier({ supplier_id }: shapes.GetSupplier, db: Statements): Promise<shapes.Supplier> {
  const { rows } = await db.query<shapes.Supplier>(`SELECT ${SUPPLIER} FROM suppliers WHERE supplier_id = $1`, [supplier_id]);
  if (rows[0] === undefined) throw new Fault("not_found", "supplier_not_found", `there is no supplier ${supplier_id}`);
  return rows[0];
}

function withFold(columns: Values): Values {
  const name = columns["product_name"];
  return typeof name === "string" ? { ...columns, product_name_folded: fold(name) } : columns;
}

/** The product that was written, once its event is too. */
async function changed(product: shapes.Product | undefined, tx: Statements, call: Call): Promise<shapes.Product> {
  if (product === undefined) throw new Error("the statement returned no row");
  const { product_id, version } = product;
  await publish(tx, call, "products.changed", String(product_id), { product_id, version } satisfies shapes.ProductChanged);
  return product;
}

/** The row, or the fault of a category or supplier that is not there. `path` leads to the field. */
async function known<Row>(path: string, query: Promise<{ rows: Row[] }>): Promise<Row | undefined> {
  try {
    return (await query).rows[0];
  } catch (error) {
    const [field, reason] = REFERENCES[brokenReference(error) ?? ""] ?? [];
    throw field === undefined || reason === undefined ? error : invalid(`${path}${field}`, reason, reason.replace("_", " "));
  }
}
