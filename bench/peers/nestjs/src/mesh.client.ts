import { GatewayTimeoutException, HttpException, Inject, Injectable } from '@nestjs/common';
import { ClientProxy, NatsRecordBuilder } from '@nestjs/microservices';
import { headers } from '@nats-io/transport-node';
import { firstValueFrom, timeout, TimeoutError } from 'rxjs';

export const NATS = 'NATS';

@Injectable()
export class MeshClient {
  constructor(@Inject(NATS) private readonly client: ClientProxy) {}

  async call<Reply>(subject: string, request: object, requestId: string): Promise<Reply> {
    const carried = headers();
    carried.set('X-Request-Id', requestId);
    const record = new NatsRecordBuilder(request).setHeaders(carried).build();
    try {
      return await firstValueFrom(this.client.send<Reply>(subject, record).pipe(timeout(5000)));
    } catch (error) {
      if (error instanceof TimeoutError) {
        throw new GatewayTimeoutException();
      }
      const { status, message } = error as { status?: number; message?: string };
      throw new HttpException(message ?? 'internal error', status ?? 502);
    }
  }
}
