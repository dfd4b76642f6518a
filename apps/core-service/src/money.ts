/** The tax in a gross amount, rounded half up to whole minor units. */
export const taxIn = (grossMinor: number, basisPoints: number): number => Math.round((grossMinor * basisPoints) / (10_000 + basisPoints))
