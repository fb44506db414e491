import { changingPaths, jobPaths } from "./changing-paths.ts";
import { json, plain, problemsOf, type PathItem } from "./operation.ts";
import { readingPaths } from "./reading-paths.ts";
import { ref, type Schema } from "./schema.ts";
import { commonSchemas } from "./schemas/common.ts";
import { eventSchemas } from "./schemas/events.ts";
import { imageSchemas } from "./schemas/images.ts";
import { jobSchemas } from "./schemas/jobs.ts";
import { statsSchemas } from "./schemas/stats.ts";

export interface OpenapiDocument {
  openapi: "3.1.0";
  info: { title: string; version: string; description: string };
  security: readonly Record<string, readonly string[]>[];
  paths: Readonly<Record<string, PathItem>>;
  components: { schemas: Readonly<Record<string, Schema>>; securitySchemes: Readonly<Record<string, object>> };
}

/** Never with a token. */
const openPaths: Readonly<Record<string, PathItem>> = {
  "/": {
    get: {
      operationId: "readPage",
      summary: "The web page; it reads the token from the fragment of its address",
      security: [],
      responses: { 200: plain("HTML", "text/html"), ...problemsOf(403) },
    },
  },
  "/healthz": {
    get: {
      operationId: "readHealth",
      summary: "Whether the process lives",
      security: [],
      responses: { 200: plain("ok", "text/plain") },
    },
  },
  "/readyz": {
    get: {
      operationId: "readReadiness",
      summary: "Whether pulls can be served",
      security: [],
      responses: { 200: json("They can", ref("Readiness")), 503: json("They cannot, and why", ref("Readiness")) },
    },
  },
  "/metrics": {
    get: {
      operationId: "readMetrics",
      summary: "For Prometheus",
      security: [],
      responses: { 200: plain("The text format of Prometheus", "text/plain") },
    },
  },
};

/** The whole of the admin listener. Tests hold every answer against it. */
export const openapiDocument: OpenapiDocument = {
  openapi: "3.1.0",
  info: {
    title: "entrepot admin API",
    version: "1",
    description:
      "Sizes in bytes, times in RFC 3339, null for what is not known. Reading is free on loopback, everything else needs the admin token.",
  },
  security: [{}, { adminToken: [] }],
  paths: { ...openPaths, ...readingPaths, ...changingPaths, ...jobPaths },
  components: {
    schemas: { ...commonSchemas, ...statsSchemas, ...imageSchemas, ...jobSchemas, ...eventSchemas },
    securitySchemes: { adminToken: { type: "http", scheme: "bearer" } },
  },
};
