import { createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { newKey, seal, unseal } from './aes-gcm.js';

const key = newKey();

describe('sealing', () => {
  it('opens to what was sealed, for any bytes and any place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.string({ unit: 'binary' }), (bytes, place) => {
        const plain = Buffer.from(bytes);
        return unseal(key, seal(key, plain, place), place).equals(plain);
      }),
    );
  });

  it('opens with nothing but Node’s own AES-256-GCM: base64 of IV, ciphertext, tag', () => {
    const bytes = Buffer.from(seal(key, '艾达 🎉', 'place'), 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12)).setAAD(Buffer.from('place'));
    decipher.setAuthTag(bytes.subarray(-16));
    expect(decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8')).toBe('艾达 🎉');
  });

  it('never gives the same text twice', () => {
    expect(new Set(Array.from({ length: 1_000 }, () => seal(key, 'same', 'place'))).size).toBe(1_000);
  });

  it('refuses another key, another place, and any byte changed, cut off or added', () => {
    const sealed = seal(key, 'Ada Lovelace', 'event-1:key-1');
    expect(() => unseal(newKey(), sealed, 'event-1:key-1')).toThrow();
    expect(() => unseal(key, sealed, 'event-2:key-1')).toThrow();
    const bytes = Buffer.from(sealed, 'base64');
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(bytes.readUInt8(index) ^ 1, index);
      expect(() => unseal(key, changed.toString('base64'), 'event-1:key-1')).toThrow();
      expect(() => unseal(key, bytes.subarray(0, index).toString('base64'), 'event-1:key-1')).toThrow();
      expect(() => unseal(key, bytes.subarray(index + 1).toString('base64'), 'event-1:key-1')).toThrow();
    }
    const longer = Buffer.concat([bytes, Buffer.alloc(1)]);
    expect(() => unseal(key, longer.toString('base64'), 'event-1:key-1')).toThrow();
  });
});
