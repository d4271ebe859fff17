/**
 * Old events are never rewritten: they are lifted to today's shape when read.
 * An upcaster lifts one event type by one version; chains run oldest first.
 */
export type Upcast = (data: Readonly<Record<string, unknown>>) => Record<string, unknown>;

/** By event type, then by the version the upcaster starts from. Each needs a fixture in test/events/fixtures. */
export const upcasters: Readonly<Record<string, Readonly<Record<number, Upcast>>>> = {
  ChargeRequested: {
    // Version 1 called the payment system's token for the card `card`.
    1: ({ card, ...rest }) => ({ ...rest, paymentMethod: card }),
  },
};
