import { body, everywhere, json, problemsOf, query, required, type PathItem } from "./operation.ts";
import { count, flag, list, object, orNull, ref, text, type Schema } from "./schema.ts";

const image = ref("ImageName");
const changing = { ...everywhere, ...problemsOf(413, 415) };
const positive: Schema = { type: "integer", minimum: 1 };
const platforms = orNull(list(ref("Platform"), { minItems: 1 }));

/** What goes, what stays, and what tags name. */
export const changingPaths: Readonly<Record<string, PathItem>> = {
  "/api/v1/eviction/plan": {
    get: {
      operationId: "planEviction",
      summary: "What would go to free so many bytes",
      parameters: [required(query("freeBytes", positive))],
      responses: { 200: json("The plan", ref("Eviction")), ...everywhere },
    },
  },
  "/api/v1/evict": {
    post: {
      operationId: "evict",
      summary: "Lets one image go, or frees so many bytes; with dryRun only says what would",
      requestBody: body(object({ image, freeBytes: positive, dryRun: flag }, ["image", "freeBytes", "dryRun"])),
      responses: { 200: json("What has gone", ref("Eviction")), ...changing, ...problemsOf(404, 409) },
    },
  },
  "/api/v1/pins": {
    get: {
      operationId: "listPins",
      summary: "The pins of the configuration and of this API",
      responses: { 200: json("All of them", ref("Pins")), ...everywhere },
    },
    post: {
      operationId: "pin",
      summary: "Keeps an image, or those of a pattern, until it is unpinned",
      requestBody: body(object({ image: text, platforms }, ["platforms"])),
      responses: { 200: json("The pin", ref("Pin")), ...changing },
    },
    delete: {
      operationId: "unpin",
      summary: "Takes a pin away; `image` in the body or in the query",
      parameters: [query("image", text)],
      requestBody: body(object({ image: text }), false),
      responses: { 200: json("Which one", object({ image: text })), ...changing, ...problemsOf(404, 409) },
    },
  },
  "/api/v1/rollback": {
    post: {
      operationId: "rollBack",
      summary: "Serves an earlier digest for a tag, or follows the upstream again",
      requestBody: body(object({ image, digest: ref("Digest"), release: flag }, ["digest", "release"])),
      responses: { 200: json("What is served now", ref("Rollback")), ...changing, ...problemsOf(404) },
    },
  },
  "/api/v1/reload": {
    post: {
      operationId: "reload",
      summary: "Reads the configuration again; what cannot change while it runs is said",
      requestBody: body(object({}), false),
      responses: { 200: json("What has come of it", ref("Reload")), ...changing, ...problemsOf(422) },
    },
  },
  "/api/v1/refresh": {
    post: {
      operationId: "refresh",
      summary: "Asks the upstream now what a tag names, and fetches that manifest",
      requestBody: body(object({ image })),
      responses: {
        200: json("What has come of it", ref("Refresh")),
        ...changing,
        ...problemsOf(404, 409, 422, 502, 503, 504),
      },
    },
  },
};

const started = json("It runs; `Location` is the job", ref("StartedJob"));
const startable = { 202: started, ...changing, ...problemsOf(404, 409, 422) };
const job = required({ name: "id", in: "path", schema: text });

/** What goes on behind its answer. */
export const jobPaths: Readonly<Record<string, PathItem>> = {
  "/api/v1/verify": {
    post: {
      operationId: "verify",
      summary: "Hashes everything that is stored",
      requestBody: body(object({}), false),
      responses: startable,
    },
  },
  "/api/v1/backup": {
    post: {
      operationId: "backUp",
      summary: "Copies the store into a directory of the server",
      requestBody: body(object({ directory: text })),
      responses: startable,
    },
  },
  "/api/v1/warm": {
    post: {
      operationId: "warm",
      summary: "Fetches images ahead of those who will pull them",
      requestBody: body(
        object(
          {
            images: list(image, { minItems: 1, maxItems: 1000 }),
            platforms,
            parallel: { ...count, minimum: 1, maximum: 16 },
          },
          ["platforms", "parallel"],
        ),
      ),
      responses: startable,
    },
  },
  "/api/v1/jobs/{id}": {
    get: {
      operationId: "readJob",
      summary: "How far a job is, and what has come of it",
      parameters: [job],
      responses: { 200: json("The job", ref("Job")), ...everywhere, ...problemsOf(404) },
    },
    delete: {
      operationId: "cancelJob",
      summary: "Ends a job soon; one that has ended stays as it is",
      parameters: [job],
      requestBody: body(object({}), false),
      responses: {
        200: json("It had ended", ref("Job")),
        202: json("It will end", ref("Job")),
        ...changing,
        ...problemsOf(404),
      },
    },
  },
};
