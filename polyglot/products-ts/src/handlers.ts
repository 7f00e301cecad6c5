/** Which function answers which subject. A write runs in a transaction. The compiler compares them with the contracts. */

import type { Call } from "./call.js";
import * as catalogue from "./catalogue.js";
import { endpoints } from "./contracts/subjects.js";
import type { Statements } from "./database.js";
import * as groups from "./groups.js";
import * as inventory from "./inventory.js";
import * as prices from "./prices.js";
import * as stock from "./stock.js";

type Endpoints = typeof endpoints;
export type Subject = Extract<keyof Endpoints, `products.${string}`>;
type Types<S extends Subject> = NonNullable<Endpoints[S]["types"]>;
type Handler<S extends Subject> = (request: Types<S>["request"], db: Statements, call: Call) => Promise<Types<S>["reply"]>;

const READS = {
  "products.get": catalogue.get,
  "products.get_many": catalogue.getMany,
  "products.list": catalogue.list,
  "products.categories.list": groups.listCategories,
  "products.categories.get": groups.getCategory,
  "products.suppliers.list": groups.listSuppliers,
  "products.suppliers.get": groups.getSupplier,
  "products.categories.statistics": inventory.statistics,
  "products.inventory.get": inventory.get,
  "products.reorder.list": inventory.reorders,
  "products.prices.list": prices.list,
  "products.stock.get": stock.get,
  "products.stock.movements": stock.movements,
} satisfies { [S in Subject]?: Handler<S> };

const WRITES = {
  "products.create": catalogue.create,
  "products.update": catalogue.update,
  "products.discontinue": catalogue.discontinue,
  "products.restore": catalogue.restore,
  "products.bulk_change": prices.change,
  "products.categories.create": groups.createCategory,
  "products.categories.update": groups.updateCategory,
  "products.suppliers.create": groups.createSupplier,
  "products.suppliers.update": groups.updateSupplier,
  "products.stock.receive": stock.receive,
  "products.stock.adjust": stock.adjust,
  "products.stock.reserve": stock.reserve,
  "products.stock.release": stock.release,
  "products.stock.commit": stock.commit,
} satisfies { [S in Exclude<Subject, keyof typeof READS>]: Handler<S> };

export type Answer = (request: unknown, db: Statements, call: Call) => Promise<object>;

export const reads: Readonly<Record<string, Answer>> = READS as Readonly<Record<string, unknown>> as Record<string, Answer>;
export const writes: Readonly<Record<string, Answer>> = WRITES as Readonly<Record<string, unknown>> as Record<string, Answer>;
export const subjects = [...Object.keys(READS), ...Object.keys(WRITES)] as Subject[];
