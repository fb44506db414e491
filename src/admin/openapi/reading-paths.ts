import { imageSorts } from "../../inventory/index.ts";
import { everywhere, json, plain, problemsOf, query, required, type PathItem } from "./operation.ts";
import { flag, oneOf, ref, text } from "./schema.ts";

const image = required(query("image", ref("ImageName")));

/** What shows how things are. */
export const readingPaths: Readonly<Record<string, PathItem>> = {
  "/api/v1/stats": {
    get: {
      operationId: "readStats",
      summary: "What has been served, fetched and saved since the start, and how full the store is",
      responses: { 200: json("The statistics", ref("Stats")), ...everywhere },
    },
  },
  "/api/v1/activity": {
    get: {
      operationId: "readActivity",
      summary: "What is being pulled now, and the last day in steps of a minute",
      responses: { 200: json("What goes on", ref("Activity")), ...everywhere },
    },
  },
  "/api/v1/upstreams": {
    get: {
      operationId: "listUpstreams",
      summary: "The registries behind this cache: whether they answer, and what they still allow",
      responses: { 200: json("All of them", ref("Upstreams")), ...everywhere },
    },
  },
  "/api/v1/images": {
    get: {
      operationId: "listImages",
      summary: "What is here, tag by tag",
      parameters: [
        query("q", text, "A part of the name, in any case"),
        query("upstream", text),
        query("pinned", flag),
        query("offlineReady", flag, "Whether it could be pulled whole if every upstream vanished"),
        query(
          "platform",
          text,
          "Several with commas. With offlineReady: for which it is judged. Else: tags that are for one of them",
        ),
        query("sort", oneOf(...imageSorts)),
        query("order", oneOf("asc", "desc")),
        query("limit", { type: "integer", minimum: 1, maximum: 1000, default: 100 }),
        query("cursor", text, "`nextCursor` of the page before"),
      ],
      responses: { 200: json("A page of them", ref("Images")), ...everywhere },
    },
  },
  "/api/v1/image": {
    get: {
      operationId: "readImage",
      summary: "One image by tag or digest: its manifests and blobs, who shares them, why it is here",
      parameters: [image],
      responses: { 200: json("The image", ref("ImageDetail")), ...everywhere, ...problemsOf(404) },
    },
  },
  "/api/v1/explain": {
    get: {
      operationId: "explain",
      summary: "Why an image or a digest is kept, or when and why it left",
      parameters: [required(query("subject", text, "An image or a digest"))],
      responses: { 200: json("The explanation", ref("Explanation")), ...everywhere, ...problemsOf(404) },
    },
  },
  "/api/v1/tag-history": {
    get: {
      operationId: "readTagHistory",
      summary: "What a tag has named, newest first",
      parameters: [image],
      responses: { 200: json("Its history", ref("TagHistory")), ...everywhere, ...problemsOf(404) },
    },
  },
  "/api/v1/events": {
    get: {
      operationId: "listenToEvents",
      summary: "What happens, as server-sent events; `data` is an Event",
      parameters: [
        { name: "Last-Event-ID", in: "header", schema: text, description: "Goes on behind this event" },
        query("lastEventId", text, "The same, for those who cannot set a header"),
        query(
          "activity",
          oneOf("0", "1"),
          "1: also `event: activity` with stats and fills, when something has changed",
        ),
      ],
      responses: { 200: plain("A stream without an end", "text/event-stream"), ...everywhere, ...problemsOf(503) },
    },
  },
  "/api/v1/openapi.json": {
    get: {
      operationId: "readOpenapi",
      summary: "This document",
      responses: { 200: json("OpenAPI 3.1", { type: "object" }), ...everywhere },
    },
  },
};
