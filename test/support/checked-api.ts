import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "vitest";

interface Described {
  parameters?: { name: string; in: string; required?: boolean; schema: object }[];
  requestBody?: { required: boolean; content: Record<string, { schema: object }> };
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}

interface Document {
  paths: Record<string, Record<string, Described>>;
}

export interface CheckedRequest {
  method?: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: unknown;
  /** It is meant to be refused: what it sends need not fit the document. */
  isFaulty?: boolean;
}

export interface CheckedAnswer {
  status: number;
  body: unknown;
}

const formats = {
  "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  uuid: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
};

/** An admin API of which every answer is held against its own OpenAPI document, and what is sent too. */
export class CheckedApi {
  readonly #url: string;
  readonly #token: string;
  readonly #document: Document;
  readonly #ajv: Ajv2020;
  readonly #compiled = new Map<string, ValidateFunction>();
  /** `GET /api/v1/stats 200` */
  readonly answered = new Set<string>();

  static async open(adminUrl: string, token: string): Promise<CheckedApi> {
    const response = await fetch(`${adminUrl}/api/v1/openapi.json`);
    return new CheckedApi(adminUrl, token, (await response.json()) as Document);
  }

  private constructor(url: string, token: string, document: Document) {
    this.#url = url;
    this.#token = token;
    this.#document = document;
    this.#ajv = new Ajv2020({ strictTypes: false, formats, allErrors: true });
    this.#ajv.addVocabulary(Object.keys(document));
    this.#ajv.addSchema(document, "openapi");
  }

  /** Every method of every path: `GET /api/v1/stats`. */
  get operations(): string[] {
    return Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
  }

  /** Operations of which an answer that is no problem has been checked. */
  get exercised(): string[] {
    const succeeded = [...this.answered].filter((answer) => /[23]\d\d$/.test(answer));
    return [...new Set(succeeded.map((answer) => answer.replace(/ \d+$/, "")))];
  }

  /** @throws an assertion where status, content type or body is not as the document says. */
  async ask(
    path: string,
    { method = "GET", query = {}, headers = {}, body, isFaulty = false }: CheckedRequest = {},
  ): Promise<CheckedAnswer> {
    const [template, described] = this.#find(method, path);
    if (!isFaulty) this.#checkRequest(described, { query, body });
    const response = await fetch(`${this.#url}${path}?${new URLSearchParams(query).toString()}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = `${method} ${template} ${response.status}`;
    const contentType = (response.headers.get("content-type") ?? "").split(";")[0] ?? "";
    const documented = described.responses[response.status]?.content ?? {};
    expect(Object.keys(documented), answer).toContain(contentType);
    const given: unknown = contentType.endsWith("json") ? await response.json() : await textOf(response);
    this.check(documented[contentType]?.schema ?? false, given, answer);
    this.answered.add(answer);
    return { status: response.status, body: given };
  }

  /** Holds a value against a schema of the document, or one of its `components.schemas` by name. */
  check(schema: object | string | false, value: unknown, about: string): void {
    const validate = this.#compile(typeof schema === "string" ? { $ref: `#/components/schemas/${schema}` } : schema);
    validate(value);
    const faults = this.#ajv.errorsText(validate.errors, { dataVar: about });
    expect(faults, JSON.stringify(value).slice(0, 2000)).toBe("No errors");
  }

  #checkRequest(
    { parameters = [], requestBody }: Described,
    { query, body }: Pick<CheckedRequest, "query" | "body">,
  ): void {
    const known = parameters.filter((parameter) => parameter.in === "query");
    expect(known.map(({ name }) => name)).toEqual(expect.arrayContaining(Object.keys(query ?? {})));
    for (const { name, required } of known) if (required) expect(query).toHaveProperty(name);
    if (body === undefined) expect(requestBody?.required ?? false).toBe(false);
    else this.check(requestBody?.content["application/json"]?.schema ?? false, body, "request");
  }

  #find(method: string, path: string): [string, Described] {
    for (const [template, methods] of Object.entries(this.#document.paths)) {
      const pattern = new RegExp(`^${template.replaceAll(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`);
      const described = methods[method.toLowerCase()];
      if (pattern.test(path) && described) return [template, described];
    }
    throw new Error(`${method} ${path} is not in the document`);
  }

  #compile(schema: object | false): ValidateFunction {
    const text = JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi#/');
    const validate = this.#compiled.get(text) ?? this.#ajv.compile(JSON.parse(text) as object | false);
    this.#compiled.set(text, validate);
    return validate;
  }
}

/** All of a text; nothing of a stream, which has no end. */
async function textOf(response: Response): Promise<string> {
  if (!response.headers.get("content-type")?.startsWith("text/event-stream")) return response.text();
  await response.body?.cancel();
  return "";
}
