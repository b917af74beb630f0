/** What the commands about purchases share. */

export const purchaseStream = (purchaseId: string): string => `purchase-${purchaseId}`;

export const MAX_LINES = 500;

/** Above 0, up to four decimals: with the six of a unit price an amount has at most the ten that a decimal may have. */
export const QUANTITY = { min: '0.0001', maxPlaces: 4 };
