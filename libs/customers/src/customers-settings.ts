/** What an operator can set about customers. */
import { FaultError } from '@timeline/kernel';
import { isSupportedCountry, type CountryCode } from 'libphonenumber-js/core';
import numbering from 'libphonenumber-js/max/metadata';
import { NORMALISATIONS, type Normalise, type NormalisingOptions } from './identities/normalise.js';

export abstract class CustomersSettings implements NormalisingOptions {
  abstract readonly defaultPhoneRegion: CountryCode;
  /** IANA name: a day in a metric is a day there. */
  abstract readonly reportingTimeZone: string;
  /** How long backups of the stores live; `undefined`: the operator does not say. */
  abstract readonly backupRetentionDays: number | undefined;
  abstract readonly normalisations: readonly [Normalise, ...Normalise[]];
}

export interface CustomersOptions {
  defaultPhoneRegion: string;
  /** Default UTC. */
  reportingTimeZone?: string;
  backupRetentionDays?: number | undefined;
  /** Default `NORMALISATIONS`. */
  normalisations?: readonly [Normalise, ...Normalise[]];
}

/** @throws FaultError CONFIG_INVALID */
export function customersSettings({
  defaultPhoneRegion,
  reportingTimeZone = 'UTC',
  backupRetentionDays,
  normalisations = NORMALISATIONS,
}: CustomersOptions): CustomersSettings {
  if (isCountry(defaultPhoneRegion))
    return { defaultPhoneRegion, reportingTimeZone, backupRetentionDays, normalisations };
  throw new FaultError(
    'CONFIG_INVALID',
    'DEFAULT_PHONE_REGION must be a country that has phone numbers, such as US or CN',
  );
}

// The library asks for a country code to tell whether it is one.
const isCountry = (region: string): region is CountryCode => isSupportedCountry(region as CountryCode, numbering);
