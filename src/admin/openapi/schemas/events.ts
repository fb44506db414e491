import { evictionReasons } from "../../../telemetry/index.ts";
import { count, object, oneOf, orNull, ref, text, time, type Schema } from "../schema.ts";

const digestOrNull = orNull(ref("Digest"));

function event(kinds: readonly string[], members: Readonly<Record<string, Schema>>): Schema {
  return object({ id: text, at: time, kind: oneOf(...kinds), ...members });
}

/** The `data` of the events of the stream. */
export const eventSchemas: Readonly<Record<string, Schema>> = {
  Event: {
    oneOf: [
      event(["tag-moved"], { image: ref("ImageName"), from: digestOrNull, to: ref("Digest") }),
      event(["evicted"], {
        reason: oneOf(...evictionReasons.map((reason) => reason.replace("_", "-"))),
        image: orNull(text),
        digest: digestOrNull,
        bytes: count,
        count,
      }),
      event(["corrupt"], { digest: ref("Digest"), where: oneOf("serving", "scrub", "verify", "reconcile") }),
      event(["upstream-down", "upstream-up"], { upstream: text, host: text }),
      event(["quota-low"], {
        upstream: text,
        limit: orNull(count),
        remaining: orNull(count),
        resetAt: orNull(time),
      }),
    ],
  },
};
