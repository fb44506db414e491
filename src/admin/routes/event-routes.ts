import { Router } from "express";
import { activityDocument, type ActivitySource } from "../activity.ts";
import type { EventStream } from "../event-stream.ts";
import { allowOnly, RequestFault, sendProblem } from "../problem.ts";
import { optional, queryFields, type FieldReader } from "./fields.ts";

const eventId: FieldReader<string> = (value, name) => {
  if (typeof value === "string" && value.length <= 64) return value;
  throw new RequestFault(400, `${name} must be the id of an event`);
};

const oneOrZero: FieldReader<boolean> = (value, name) => {
  if (value === "1" || value === "0") return value === "1";
  throw new RequestFault(400, `${name} must be 1 or 0`);
};

/** `/activity`, and `/events`: what happens, as server-sent events. */
export function eventRoutes(activity: ActivitySource, stream: EventStream): Router {
  const router = Router({ caseSensitive: true, strict: true });
  router.get("/activity", async (request, response) => {
    queryFields(request, {});
    response.json(await activityDocument(activity));
  });
  router.get("/events", (request, response) => {
    const asked = queryFields(request, { lastEventId: optional(eventId), activity: optional(oneOrZero) });
    const after = request.get("Last-Event-ID") ?? asked.lastEventId;
    if (stream.isFull) {
      response.set("Retry-After", "15");
      sendProblem(response, 503, "as many listen to the events as can: close another page or watch");
    } else if (request.method === "HEAD") {
      response.type("text/event-stream").end();
    } else stream.add(response, { after, wantsActivity: asked.activity ?? false });
  });
  router.all(["/activity", "/events"], allowOnly("GET"));
  return router;
}
