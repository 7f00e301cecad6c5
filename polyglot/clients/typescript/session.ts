// A session with the client that openapi-typescript and openapi-fetch make.

import createClient from "openapi-fetch";
import type { components, paths } from "./generated/northwind.d.ts";

type Problem = components["schemas"]["Problem"];

const { GATEWAY = "", EMAIL = "", PASSWORD = "", ADMIN_EMAIL = "", ADMIN_PASSWORD = "" } = process.env;
const client = createClient<paths, "application/json" | "application/problem+json">({
  baseUrl: GATEWAY,
  querySerializer: { array: { style: "form", explode: false } }, // openapi-fetch does not read the document's style
});

/** The body of a success. Throws the problem of an error. */
function body<Body>(answer: { data?: Body; error?: Problem }): NonNullable<Body> {
  if (answer.error !== undefined || answer.data == null) throw new Error(answer.error?.reason ?? "no body");
  return answer.data;
}

async function bearer(email: string, password: string): Promise<{ Authorization: string }> {
  const tokens = body(await client.POST("/v1/auth/login", { body: { email, password } }));
  return { Authorization: `Bearer ${tokens.access_token}` };
}

const user = body(await client.POST("/v1/auth/register", { body: { email: EMAIL, password: PASSWORD } }));
const own = await bearer(EMAIL, PASSWORD);
const admin = await bearer(ADMIN_EMAIL, ADMIN_PASSWORD);

const query = { limit: 3, fields: ["product_id", "product_name"] satisfies ("product_id" | "product_name")[] };
const products = body(await client.GET("/v1/products", { params: { query } }));
const made = body(
  await client.POST("/v1/customers", { headers: admin, body: { company_name: "Generated Ltd.", phone: "030-1" } }),
);

const path = { customer_id: made.customer_id };
const read = await client.GET("/v1/customers/{customer_id}", { headers: own, params: { path } });
const header = { "If-Match": read.response.headers.get("ETag") ?? "" };
const change = { headers: admin, params: { path, header }, body: { city: "Bonn", phone: null } };
const changed = body(await client.PATCH("/v1/customers/{customer_id}", change));
const stale = await client.PATCH("/v1/customers/{customer_id}", change);

const lines = [{ product_id: 1, quantity: 2 }];
const order = body(await client.POST("/v1/orders", { headers: own, body: { lines } }));
const missing = await client.GET("/v1/customers/{customer_id}", {
  headers: own,
  params: { path: { customer_id: "QQQQQ" } },
});

console.log(
  JSON.stringify({
    email: user.email,
    products: products.items.length,
    before: [body(read).company_name, body(read).phone],
    after: [changed.company_name, changed.city, changed.phone, changed.version],
    stale: stale.error?.reason,
    order: [order.status, order.lines[0]?.product_name, order.lines[0]?.quantity],
    missing: [missing.error?.status, missing.error?.reason],
  }),
);
