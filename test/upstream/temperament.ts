import type { Asked } from "./asked.ts";
import type { Gate } from "./gate.ts";
import type { Reply } from "./reply.ts";

/** Something that happens once so many bytes of the body have been sent; negative: counted from the body's end. */
export interface Stop {
  afterBytes: number;
  then: Gate | "stall" | "fin" | "rst";
}

/** How a reply reaches the client. */
export interface Delivery {
  delayMs: number;
  /** Held before the request's body is read. */
  bodyGate: Gate | undefined;
  /** Held before the response header. */
  headerGate: Gate | undefined;
  /** `silent` never answers; `reset` sends an RST instead of an answer; a string is sent as it is instead of HTTP. */
  instead: "silent" | "reset" | { raw: string } | undefined;
  framing: "length" | "chunked" | "close";
  bytesPerSecond: number | undefined;
  stops: Stop[];
  /** Ends the connection with FIN after the body, where its length does not fit its header. */
  closesAfter: boolean;
}

/** What a temperament may ask about the request it spoils. */
interface TemperamentContext {
  asked: Asked;
  /** Scheme and authority of the listener that was asked. */
  ownUrl: string;
  /** The 401 of this upstream, with its challenge. */
  challenge: () => Reply;
}

/** One way to answer badly. Made by the functions of `temperaments`; tests may write their own. */
export interface Temperament {
  readonly name: string;
  /** The reply is made as if no Range had been asked for. */
  readonly ignoresRange?: boolean;
  readonly reply?: (reply: Reply, context: TemperamentContext) => Reply;
  readonly delivery?: Partial<Delivery>;
}

export const plainDelivery: Delivery = {
  delayMs: 0,
  bodyGate: undefined,
  headerGate: undefined,
  instead: undefined,
  framing: "length",
  bytesPerSecond: undefined,
  stops: [],
  closesAfter: false,
};

/** All deliveries in one; stops add up, for the rest the last one wins. */
export function mergeDelivery(temperaments: readonly Temperament[]): Delivery {
  const deliveries = temperaments.map((temperament) => temperament.delivery ?? {});
  const stops = deliveries.flatMap((delivery) => delivery.stops ?? []);
  return Object.assign({}, plainDelivery, ...deliveries, { stops }) as Delivery;
}
