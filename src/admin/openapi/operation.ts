import { ref, type Schema } from "./schema.ts";

export interface Parameter {
  name: string;
  in: "query" | "path" | "header";
  description?: string;
  required?: boolean;
  schema: Schema;
}

type Content = Readonly<Record<string, { schema: Schema }>>;

export interface Answer {
  description: string;
  content?: Content;
}

/** What may be asked of one path with one method. */
export interface Operation {
  operationId: string;
  summary: string;
  parameters?: readonly Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Readonly<Record<string, Answer>>;
  /** Empty: nobody is asked for the token. */
  security?: readonly Record<string, readonly string[]>[];
}

export type PathItem = Readonly<Partial<Record<"get" | "post" | "delete", Operation>>>;

export function json(description: string, schema: Schema): Answer {
  return { description, content: { "application/json": { schema } } };
}

export function plain(description: string, contentType: string): Answer {
  return { description, content: { [contentType]: { schema: { type: "string" } } } };
}

const problems: Readonly<Record<number, string>> = {
  400: "The request cannot be read; `detail` says what to do",
  401: "The admin token is needed, or another one",
  403: "The Host header is not a loopback name",
  404: "There is no such thing",
  409: "Not now, or not as things are",
  413: "The body is too large",
  415: "The body is not JSON",
  422: "Understood, and not done",
  502: "The upstream fails or refuses",
  503: "Not now; `Retry-After` says when",
  504: "The upstream does not answer in time",
};

/** Problems with these statuses. */
export function problemsOf(...statuses: readonly number[]): Record<string, Answer> {
  const problem = (status: number): Answer => ({
    description: problems[status] ?? "A problem",
    content: { "application/problem+json": { schema: ref("Problem") } },
  });
  return Object.fromEntries(statuses.map((status) => [String(status), problem(status)]));
}

/** What every route under `/api/v1` may answer. */
export const everywhere = problemsOf(400, 401, 403);

export function body(schema: Schema, required = true): NonNullable<Operation["requestBody"]> {
  return { required, content: { "application/json": { schema } } };
}

export function query(name: string, schema: Schema, description?: string): Parameter {
  return { name, in: "query", schema, ...(description !== undefined && { description }) };
}

export function required(parameter: Parameter): Parameter {
  return { ...parameter, required: true };
}
