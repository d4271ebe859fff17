/** How many of a currency's minor units make one unit: 100 for AUD, 1 for KRW (ISO 4217). */
export function minorUnits(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) return 100;
  const { maximumFractionDigits = 2 } = new Intl.NumberFormat('en', {
    style: 'currency',
    currency,
  }).resolvedOptions();
  return 10 ** maximumFractionDigits;
}

const mostPoints = 1_000_000_000_000;

/** `amount` of a currency in whole points, or undefined when it is no possible price. */
export function toPoints(amount: number, pointsPerUnit: number): number | undefined {
  const points = Math.round(amount * pointsPerUnit);
  return Number.isFinite(points) && points >= 0 && points <= mostPoints ? points : undefined;
}
