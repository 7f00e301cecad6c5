// The gateway's process. PLATFORM=express|fastify, PORT, JWKS (a JWK set as JSON), NATS_URL, NATS_USER, NATS_PASSWORD,
// SUBJECTS (the second token of every subject).
import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { INestApplication, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter, NestFastifyApplication } from '@nestjs/platform-fastify';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { GatewayModule } from './gateway.module.js';

const quiet = { logger: ['error', 'warn'] as ('error' | 'warn')[] };

function requestId(request: IncomingMessage): string {
  return request.headers['x-request-id']?.toString() ?? randomUUID();
}

async function onExpress(): Promise<INestApplication> {
  const app = await NestFactory.create<NestExpressApplication>(GatewayModule, quiet);
  app.disable('x-powered-by');
  app.disable('etag'); // it would hash every body; the resource's ETag is its version
  app.use(
    pinoHttp({
      genReqId: (request: IncomingMessage, response: ServerResponse) => {
        const id = requestId(request);
        response.setHeader('X-Request-Id', id);
        return id;
      },
      serializers: {
        req: ({ id, method, url }) => ({ id, method, url }),
        res: ({ statusCode }) => ({ statusCode }),
      },
    }),
    helmet.xContentTypeOptions(), // the one header of helmet's that the mesh's gateway sets too
  );
  return app;
}

async function onFastify(): Promise<INestApplication> {
  const adapter = new FastifyAdapter({ genReqId: requestId, logger: { level: 'info' }, disableRequestLogging: true });
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule, adapter, quiet);
  const fastify = app.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', async (request, reply) => {
    reply.header('X-Request-Id', request.id);
    reply.header('X-Content-Type-Options', 'nosniff'); // what @fastify/helmet does for this one header
  });
  fastify.addHook('onResponse', async ({ id, method, url, log }, { statusCode, elapsedTime }) => {
    log.info({ req: { id, method, url }, res: { statusCode }, responseTime: elapsedTime }, 'request completed');
  });
  return app;
}

const app = process.env.PLATFORM === 'fastify' ? await onFastify() : await onExpress();
app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true, forbidNonWhitelisted: true }));
app.enableShutdownHooks();
await app.listen(Number(process.env.PORT), '127.0.0.1');
