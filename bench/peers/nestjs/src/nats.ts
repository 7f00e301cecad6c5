// Where NATS is, and who a process is there: the users and inboxes are those of the project's nats.conf.
import { NatsOptions, Transport } from '@nestjs/microservices';

export function nats(): Required<NatsOptions> {
  const user = process.env.NATS_USER;
  return {
    transport: Transport.NATS,
    options: {
      servers: [process.env.NATS_URL!],
      user,
      pass: process.env.NATS_PASSWORD,
      inboxPrefix: `_INBOX_${user}`,
    },
  };
}
