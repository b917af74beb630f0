/** MongoDB's driver, as every store of ours opens it. */
import './woken-writes.js';
import { MongoClient, type Db, type MongoClientOptions } from 'mongodb';

/** Waiting is the caller's business, who can say so on `/health` meanwhile; the URL may name others. */
const TIMEOUTS = { serverSelectionTimeoutMS: 5_000, connectTimeoutMS: 5_000, socketTimeoutMS: 60_000 };

/**
 * Does not connect yet. Writes are acknowledged by the majority and journaled; reads are from the primary, of what the
 * majority has. The database is the one that the URL names, else `defaultDatabase`.
 * @throws MongoError, whose words may show the password, where the URL is none
 */
export function openMongo(
  url: string,
  defaultDatabase: string,
  options: MongoClientOptions,
): { client: MongoClient; db: Db } {
  const client = new MongoClient(url, {
    readPreference: 'primary',
    readConcern: { level: 'majority' },
    writeConcern: { w: 'majority', journal: true },
    ...options,
    ...Object.fromEntries(Object.entries(TIMEOUTS).filter(([name]) => !url.includes(`${name}=`))),
  });
  const named = /^[^:]+:\/\/[^/]+\/([^?]+)/.exec(url)?.[1];
  return { client, db: client.db(named === undefined ? defaultDatabase : decodeURIComponent(named)) };
}
