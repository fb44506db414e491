import { isAbsolute } from "node:path";
import type { Request } from "express";
import type { Digest, ImageName } from "../../oci/index.ts";
import { ImageNameInvalid, parseDigest, parseImageName, parseImagePattern, parsePlatform } from "../../oci/index.ts";
import { RequestFault } from "../problem.ts";

/** Reads the value of the field `name`, undefined where it was not given. @throws RequestFault */
export type FieldReader<T> = (value: unknown, name: string) => T;

type Readers<T> = { [K in keyof T]: FieldReader<T[K]> };

/** The query of a request; a field that stands there twice or is not known is a fault. @throws RequestFault */
export function queryFields<T>(request: Request, readers: Readers<T>): T {
  const twice = Object.entries(request.query).find(([, value]) => Array.isArray(value));
  if (twice) throw new RequestFault(400, `${quote(twice[0])} is given more than once`);
  return readFields(request.query, readers, "the query");
}

/** The JSON body of a request; none is an empty one, and a field that is not known is a fault. @throws RequestFault */
export function bodyFields<T>(request: Request, readers: Readers<T>): T {
  return readFields((request.body ?? {}) as object, readers, "the body");
}

function readFields<T>(given: object, readers: Readers<T>, place: string): T {
  const names = Object.keys(readers);
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    const possible = names.length === 0 ? "it must be empty" : `possible are ${names.join(", ")}`;
    throw new RequestFault(400, `${place} holds ${quote(unknown)}, which means nothing here: ${possible}`);
  }
  const values = new Map<string, unknown>(Object.entries(given));
  const read = Object.entries<FieldReader<unknown>>(readers).map(([name, reader]) => {
    return [name, reader(values.get(name), name)];
  });
  return Object.fromEntries(read) as T;
}

export function optional<T>(reader: FieldReader<T>): FieldReader<T | undefined> {
  return (value, name) => (value === undefined ? undefined : reader(value, name));
}

export const image: FieldReader<ImageName> = (value, name) => {
  return parsed(() => parseImageName(text(value, name, "docker.io/library/alpine:3")));
};

/** An image by its tag, not by a digest. */
export const taggedImage: FieldReader<ImageName> = (value, name) => {
  const named = image(value, name);
  if (named.reference.kind === "tag") return named;
  throw new RequestFault(
    400,
    `${name} must have a tag, as docker.io/library/alpine:3: a digest names one thing for ever`,
  );
};

/** The canonical text of an image pattern. */
export const imagePattern: FieldReader<string> = (value, name) => {
  return parsed(() => parseImagePattern(text(value, name, "docker.io/library/alpine:3 or ghcr.io/org/app:v*")).text);
};

export const digest: FieldReader<Digest> = (value, name) => {
  return parseDigest(text(value, name, "sha256:…")) ?? fault(`${name} ${notDigest}`);
};

/** An image or a digest. */
export const subject: FieldReader<ImageName | Digest> = (value, name) => {
  const given = text(value, name, "docker.io/library/alpine:3 or sha256:…");
  const isMeantAsDigest = /^sha(?:256|512):/i.test(given);
  return parseDigest(given) ?? (isMeantAsDigest ? fault(`${name} ${notDigest}`) : image(given, name));
};

export const byteCount: FieldReader<number> = (value, name) => {
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  return fault(`${name} must be a whole number of bytes above 0, as 21474836480 for 20 GiB`);
};

/** The same in a query, where all is text. */
export const byteCountInDigits: FieldReader<number> = (value, name) => {
  return byteCount(typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : undefined, name);
};

export const flag: FieldReader<boolean> = (value, name) => {
  return typeof value === "boolean" ? value : fault(`${name} must be true or false`);
};

/** The same in a query, where all is text. */
export const flagInWords: FieldReader<boolean> = (value, name) => {
  return flag(value === "true" ? true : value === "false" ? false : value, name);
};

/** Any text. */
export const word: FieldReader<string> = (value, name) => text(value, name, "alpine");

export function oneOf<T extends string>(words: readonly T[]): FieldReader<T> {
  return (value, name) => words.find((known) => known === value) ?? fault(`${name} must be one of ${words.join(", ")}`);
}

const maxPageLimit = 1000;

/** How many items a page of a list may hold, in a query. */
export const pageLimit: FieldReader<number> = (value, name) => {
  const count = typeof value === "string" && /^\d{1,6}$/.test(value) ? Number(value) : 0;
  return count >= 1 && count <= maxPageLimit
    ? count
    : fault(`${name} must be a whole number from 1 to ${maxPageLimit}`);
};

/** Canonical platforms; undefined means all. Null is what a list of pins says for that. */
export const platforms: FieldReader<string[] | undefined> = (value, name) => {
  if (value === undefined || value === null) return undefined;
  const given: unknown[] = Array.isArray(value) ? value : [];
  const read = given.map((one) => (typeof one === "string" ? parsePlatform(one) : undefined));
  const canonical = read.filter((one) => one !== undefined);
  if (canonical.length > 0 && canonical.length === read.length) return [...new Set(canonical)];
  return fault(`${name} must be a list such as ["linux/amd64", "linux/arm/v7"]; left out, it means all`);
};

export const absolutePath: FieldReader<string> = (value, name) => {
  const path = text(value, name, "/srv/backup");
  if (isAbsolute(path) && !path.includes("\0")) return path;
  return fault(`${name} must be an absolute path on the file system of the server, as /srv/backup`);
};

const notDigest = "is not a digest: sha256: and 64 hex digits, or sha512: and 128, in lower case";

function text(value: unknown, name: string, example: string): string {
  if (value === undefined) throw new RequestFault(400, `${name} is missing: for instance ${example}`);
  return typeof value === "string" && value !== "" ? value : fault(`${name} must be text such as ${example}`);
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ImageNameInvalid) throw new RequestFault(400, error.message);
    throw error;
  }
}

function fault(words: string): never {
  throw new RequestFault(400, words);
}

function quote(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 77)}...` : name);
}
