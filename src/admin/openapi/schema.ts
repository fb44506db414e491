/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 takes it. */
export type Schema = Readonly<Record<string, unknown>>;

type Properties = Readonly<Record<string, Schema>>;

export const text: Schema = { type: "string" };
export const flag: Schema = { type: "boolean" };
/** A count, or bytes. */
export const count: Schema = { type: "integer", minimum: 0 };
export const time: Schema = { type: "string", format: "date-time" };

/** An object with exactly these members; all but the `optional` ones are there. */
export function object(properties: Properties, optional: readonly string[] = []): Schema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: "object", properties, required, additionalProperties: false };
}

export function list(items: Schema, bounds: { minItems?: number; maxItems?: number } = {}): Schema {
  return { type: "array", items, ...bounds };
}

export function oneOf(...words: readonly string[]): Schema {
  return { type: "string", enum: words };
}

/** Null: not known, or does not apply. */
export function orNull(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

export function described(schema: Schema, description: string): Schema {
  return { ...schema, description };
}

/** One of `components.schemas`. */
export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

/** A page of a list. */
export function page(item: Schema, more: Properties = {}): Schema {
  return object({ ...more, items: list(item), nextCursor: orNull(text) });
}
