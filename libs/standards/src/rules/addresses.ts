/** Domains, e-mail addresses, addresses on the web and phone numbers, as rules look at them: each in one form. */
import { domainToASCII } from 'node:url';
import { getCountryCallingCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/core';
import type { CountryCode } from 'libphonenumber-js/core';
import numbering from 'libphonenumber-js/max/metadata';

// `domainToASCII` reads a host as a URL does: it would take `a.com/b`, `%61.com` and `a.com:80` for domains.
const GIVEN = /^[\p{L}\p{M}\p{N}\p{Join_Control}.·・-]+$/u;
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const ASCII = new RegExp(`^(?:${LABEL}\\.)+(?!\\d+$)${LABEL}$`);

/** In ASCII and small letters; undefined where it is no domain. */
export function domainOf(text: string): string | undefined {
  // The ideographic full stop separates labels too (RFC 3490).
  const given = text.replaceAll(/[。．｡]/g, '.');
  const domain = GIVEN.test(given) ? domainToASCII(given).toLowerCase() : '';
  return domain.length <= 253 && ASCII.test(domain) ? domain : undefined;
}

// RFC 5322's atoms, and letters of any script (RFC 6531).
const ATOM = "[\\p{L}\\p{M}\\p{N}!#$%&'*+/=?^_`{|}~-]+";
const MAILBOX = new RegExp(`^${ATOM}(?:\\.${ATOM})*$`, 'u');

/** What stands before the @ of an e-mail address, in small letters; undefined where it is no mailbox. */
export function mailboxOf(text: string): string | undefined {
  const mailbox = text.toLowerCase().normalize('NFC');
  return MAILBOX.test(mailbox) ? mailbox : undefined;
}

/** Bytes of an e-mail address. */
export const EMAIL_LIMITS = { mailbox: 64, all: 254 };
export const isEmailLength = (mailbox: string, domain: string): boolean =>
  Buffer.byteLength(mailbox) <= EMAIL_LIMITS.mailbox && Buffer.byteLength(`${mailbox}@${domain}`) <= EMAIL_LIMITS.all;

/** The domain of an e-mail address; undefined where it is none. */
export function emailDomainOf(text: string): string | undefined {
  const at = text.lastIndexOf('@');
  const mailbox = at > 0 ? mailboxOf(text.slice(0, at)) : undefined;
  const domain = domainOf(text.slice(at + 1));
  return mailbox !== undefined && domain !== undefined && isEmailLength(mailbox, domain) ? domain : undefined;
}

/** The host of an http or https address; undefined where it is none. */
export function webHostOf(text: string): string | undefined {
  if (!/^https?:\/\/[^\s/]/i.test(text) || /\s/.test(text) || !URL.canParse(text)) return undefined;
  const { hostname, username, password } = new URL(text);
  return username === '' && password === '' && hostname !== '' ? hostname : undefined;
}

/** Whether it is one of the domains or below one. */
export const isWithin = (domain: string, domains: readonly string[]): boolean =>
  domains.some((each) => {
    const of = domainOf(each);
    return of !== undefined && (domain === of || domain.endsWith(`.${of}`));
  });

// The library asks for a country code to tell whether it is one.
export const isPhoneCountry = (country: string): country is CountryCode =>
  isSupportedCountry(country as CountryCode, numbering);

/** The calling code of a number that says it (`+49 …`); undefined where it is no such number. */
export function callingCodeOf(text: string): string | undefined {
  const number = parsePhoneNumberFromString(text.replace(/^tel:/i, ''), { extract: false }, numbering);
  return number?.isPossible() ? number.countryCallingCode : undefined;
}

export const hasCallingCodeOf = (callingCode: string, countries: readonly string[]): boolean =>
  countries.some((country) => isPhoneCountry(country) && getCountryCallingCode(country, numbering) === callingCode);
