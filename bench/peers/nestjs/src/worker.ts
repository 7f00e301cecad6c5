// A worker's process. SERVICE=customers|products, DATABASE_URL, NATS_URL, NATS_USER, NATS_PASSWORD, SUBJECTS.
import 'reflect-metadata';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { MicroserviceOptions, NatsOptions, RpcException } from '@nestjs/microservices';
import { CustomersModule } from './customers.module.js';
import { nats } from './nats.js';
import { ProductsModule } from './products.module.js';

const transport = nats();
const options: NatsOptions = { ...transport, options: { ...transport.options, queue: 'q' } };
const module = process.env.SERVICE === 'products' ? ProductsModule : CustomersModule;
const app = await NestFactory.createMicroservice<MicroserviceOptions>(module, { ...options, logger: ['error', 'warn'] });
app.useGlobalPipes(
  new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    exceptionFactory: (errors) => new RpcException({ status: 422, message: errors.toString() }),
  }),
);
app.enableShutdownHooks();
await app.listen();
