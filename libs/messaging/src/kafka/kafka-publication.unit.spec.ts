import { DomainError, FaultError, UnavailableError } from '@timeline/kernel';
import kafkajs from 'kafkajs';
import { FencedError } from '../message-log.port.js';
import { translate } from './kafka-errors.js';
import { choosePartition } from './kafka-publication.js';

const { KafkaJSNonRetriableError, KafkaJSProtocolError, KafkaJSAggregateError } = kafkajs;

describe('choosing a partition', () => {
  // The hashes that Apache Kafka's own UtilsTest names for these keys.
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ])('puts %s where a Java producer would', (key, hash) => {
    for (const partitions of [1, 6, 7, 256]) {
      expect(choosePartition('any', key, partitions)).toBe((hash & 0x7fffffff) % partitions);
    }
  });
});

describe('what kafkajs throws', () => {
  const protocolError = (type: string): Error =>
    new KafkaJSProtocolError({
      name: 'KafkaJSProtocolError',
      message: 'said the broker',
      type,
      code: 1,
      retriable: false,
    } as never);
  const wrapped = (error: Error): Error => Object.assign(new KafkaJSNonRetriableError(error), { cause: error });

  it.each(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED'])('is fencing for %s, however deep', (type) => {
    expect(translate(wrapped(protocolError(type)), 'publishing')).toBeInstanceOf(FencedError);
    expect(translate(wrapped(wrapped(protocolError(type))), 'publishing')).toBeInstanceOf(FencedError);
  });

  it('is fencing for the code that kafkajs does not know', () => {
    const unknown = new KafkaJSProtocolError({
      name: 'KafkaJSProtocolError',
      type: 'KAFKAJS_UNKNOWN_ERROR_CODE',
      message: 'Unknown error code 90',
    } as never);
    expect(translate(unknown, 'publishing')).toBeInstanceOf(FencedError);
  });

  it('is a fault that names the setting when a broker takes only smaller sends', () => {
    const fault = translate(wrapped(protocolError('MESSAGE_TOO_LARGE')), 'publishing');
    expect(fault).toBeInstanceOf(FaultError);
    expect(fault.message).toContain('max.message.bytes');
  });

  it('is otherwise being away, with what the broker said', () => {
    const aggregate = new KafkaJSAggregateError('Topic creation errors', [
      protocolError('INVALID_REPLICATION_FACTOR') as never,
    ]);
    const away = translate(aggregate, 'opening the publication');
    expect(away).toBeInstanceOf(UnavailableError);
    expect(away.message).toBe('opening the publication failed (INVALID_REPLICATION_FACTOR: said the broker)');
    expect(translate(new Error('connect ECONNREFUSED'), 'publishing').message).toContain('ECONNREFUSED');
  });

  it('is left as it is where it is one of ours', () => {
    for (const error of [
      new FencedError(),
      new UnavailableError('a', 'b'),
      new FaultError('A', 'b'),
      new DomainError('A', 'b'),
    ]) {
      expect(translate(error, 'publishing')).toBe(error);
    }
  });
});
