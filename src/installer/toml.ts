import { parse, TomlError } from "smol-toml";

/** What a TOML document or one of its tables holds. */
export type Table = Readonly<Record<string, unknown>>;

/** The document; undefined where the text is no TOML. */
export function parseToml(text: string): Table | undefined {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof TomlError) return undefined;
    throw error;
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
