/** What an operator can set about customers. */
import { FaultError } from '@timeline/kernel';
import { isSupportedCountry, type CountryCode } from 'libphonenumber-js/core';
import numbering from 'libphonenumber-js/max/metadata';
import { NORMALISATIONS, type Normalise, type NormalisingOptions } from './identities/normalise.js';

export abstract class CustomersSettings implements NormalisingOptions {
  abstract readonly defaultPhoneRegion: CountryCode;
  /** How long backups of the stores live; `undefined`: the operator does not say. */
  abstract readonly backupRetentionDays: number | undefined;
  abstract readonly normalisations: readonly [Normalise, ...Normalise[]];
}

export interface CustomersOptions {
  defaultPhoneRegion: string;
  backupRetentionDays?: number | undefined;
  /** Default `NORMALISATIONS`. */
  normalisations?: readonly [Normalise, ...Normalise[]];
}

/** @throws FaultError CONFIG_INVALID */
export function customersSettings({
  defaultPhoneRegion,
  backupRetentionDays,
  normalisations = NORMALISATIONS,
}: CustomersOptions): CustomersSettings {
  if (isCountry(defaultPhoneRegion)) return { defaultPhoneRegion, backupRetentionDays, normalisations };
  throw new FaultError(
    'CONFIG_INVALID',
    'DEFAULT_PHONE_REGION must be a country that has phone numbers, such as US or CN',
  );
}

// The library asks for a country code to tell whether it is one.
const isCountry = (region: string): region is CountryCode => isSupportedCountry(region as CountryCode, numbering);
