/** A NestJS application that calls the mesh: it reads a customer, meets a problem, and moves the customer to another city. */

import "reflect-metadata";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { nkeyAuthenticator } from "@nats-io/transport-node";
import { Inject, Injectable, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientsModule, RpcException, Transport, type ClientProxy } from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";
import type { Customer } from "./contracts/contracts.js";
import { endpoints } from "./contracts/subjects.js";
import { bareDeserializer, bareSerializer, call } from "./mesh.js";

const { NATS_URL, NATS_NKEY_SEED_FILE, MESH_CALLER, MESH_TOKEN } = process.env as Record<string, string>;

const client = ClientsModule.register([
  {
    name: "MESH",
    transport: Transport.NATS,
    options: {
      servers: NATS_URL!,
      authenticator: nkeyAuthenticator(readFileSync(NATS_NKEY_SEED_FILE!)),
      inboxPrefix: `_INBOX_${MESH_CALLER}`,
      maxReconnectAttempts: -1,
      serializer: bareSerializer,
      deserializer: bareDeserializer,
    },
  },
]);

@Injectable()
class Customers {
  constructor(@Inject("MESH") private readonly mesh: ClientProxy) {}

  get(customer_id: string): Promise<Customer> {
    return firstValueFrom(call(this.mesh, endpoints["customers.get"], { customer_id }));
  }

  move({ customer_id, version }: Customer, city: string, token: string): Promise<Customer> {
    const request = { customer_id, expected_version: version, patch: { city } };
    return firstValueFrom(call(this.mesh, endpoints["customers.update"], request, { token, idempotencyKey: randomUUID() }));
  }
}

@Module({ imports: [client], providers: [Customers] })
class Application {}

const application = await NestFactory.createApplicationContext(Application, { logger: ["error"] });
const customers = application.get(Customers);
const [known = "", unknown = "", city = ""] = process.argv.slice(2);

const before = await customers.get(known);
console.log(JSON.stringify(before));
try {
  await customers.get(unknown);
} catch (error) {
  if (!(error instanceof RpcException)) throw error;
  console.log(JSON.stringify(error.getError()));
}
await customers.move(before, city, MESH_TOKEN!);
console.log(JSON.stringify(await customers.get(known)));
await application.close();
