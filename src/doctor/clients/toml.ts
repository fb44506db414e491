import { parse, TomlError } from "smol-toml";

/** What a TOML document or one of its tables holds. */
export type Table = Readonly<Record<string, unknown>>;

/** The text is no TOML; the message says where, and quotes nothing of it. */
export class TomlInvalid extends Error {
  override readonly name = "TomlInvalid";
}

/** @throws TomlInvalid */
export function parseToml(text: string): Table {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [words = "is not TOML"] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new TomlInvalid(`is not TOML: line ${error.line}: ${words}`, { cause: error });
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The table at `path`, empty where there is none. */
export function tableAt(table: Table, ...path: readonly string[]): Table {
  let place: unknown = table;
  for (const part of path) place = isTable(place) ? place[part] : undefined;
  return isTable(place) ? place : {};
}

/** The strings of a list; none where it is something else. */
export function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}
