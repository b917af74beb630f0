/** What the commands about points share. */

export const loyaltyStream = (customerId: string): string => `loyalty-${customerId}`;

/** Points of one earning or redemption. */
export const POINTS = { min: 1, max: 1_000_000_000 };
