/**
 * Reads `BROKER_URL`: `kafka://[user:password@]host:port[,host:port…][?tls=true][&sasl=plain|scram-sha-256|scram-sha-512]`.
 * User and password are percent-encoded; with them and no `sasl`, it is `scram-sha-512`.
 */
import { FaultError } from '@timeline/kernel';
import type { KafkaConfig } from 'kafkajs';

const SHAPE = /^kafka:\/\/(?:([^:@/?]*):([^@/?]*)@)?([^/?@]+)\/?(?:\?(.*))?$/;

export function parseBrokerUrl(url: string): Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl'> {
  const match = SHAPE.exec(url);
  // The URL itself may hold a password and is never repeated in a message.
  if (!match) throw invalid('must look like kafka://host:port[,host:port]');
  const [, user, password, hosts = '', query] = match;
  const brokers = hosts.split(',').map((host) => (host.includes(':') ? host : `${host}:9092`));
  if (brokers.some((broker) => !/^([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/.test(broker))) {
    throw invalid('names a host that is not host:port');
  }

  const options = new URLSearchParams(query);
  for (const name of options.keys()) {
    if (name !== 'tls' && name !== 'sasl') throw invalid(`has an unknown option ${name}; known are tls and sasl`);
  }
  const config: Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl'> = { brokers };
  if (options.get('tls') === 'true') config.ssl = true;
  if (user !== undefined && password !== undefined) {
    const credentials = { username: decodeURIComponent(user), password: decodeURIComponent(password) };
    const mechanism = options.get('sasl') ?? 'scram-sha-512';
    switch (mechanism) {
      case 'plain':
      case 'scram-sha-256':
      case 'scram-sha-512':
        // The cast tells the compiler that the union of three shapes differs in `mechanism` alone.
        config.sasl = { mechanism, ...credentials } as NonNullable<KafkaConfig['sasl']>;
        break;
      default:
        throw invalid('has an unknown sasl mechanism; known are plain, scram-sha-256 and scram-sha-512');
    }
  } else if (options.has('sasl')) {
    throw invalid('names a sasl mechanism but no user:password@');
  }
  return config;
}

const invalid = (what: string): FaultError => new FaultError('CONFIG_INVALID', `BROKER_URL ${what}`);
