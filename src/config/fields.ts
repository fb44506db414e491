import { z } from "zod";
import { ImageNameInvalid, parseDigest, parseImagePattern, parsePlatform } from "../oci/index.ts";
import { parseAuthority, parseHost, parseListenAddress, parseNetwork, type ListenAddress } from "./hosts.ts";
import { parseAmount, parseDuration, parseRate, parseShare, parseSize } from "./quantities.ts";

/** Timers of Node overflow above this and fire at once. */
const maxTimerMs = 2 ** 31 - 1;

/** A key whose text is read by `parse`; `expected` completes "must be …". The message quotes the value: not for secrets. */
function field<T>(parse: (value: unknown) => T | undefined, expected: string) {
  return z
    .unknown()
    .transform((value, context): T => {
      const parsed = parse(value);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: `must be ${expected}${quote(value)}` });
      return z.NEVER;
    })
    .optional();
}

export const size = () => field(parseSize, "a size such as 10GiB or 500MB");
export const positiveSize = () => field(positive(parseSize), "a size above 0 such as 10GiB");
export const amount = () => field(parseAmount, "a size such as 200GiB or a share such as 10%");
export const share = () => field(parseShare, "a share such as 90%");
export const positiveRate = () => field(positive(parseRate), "a rate above 0 such as 50MiB/s");
export const rate = () => field(parseRate, "a rate such as 1KiB/s");
export const duration = () => field(parseDuration, "a duration with its unit such as 30s, 5m or 1d");
export const timer = () => field(atMost(parseDuration, maxTimerMs), "a duration such as 30s or 5m, at most 24d");
export const positiveTimer = () =>
  field(positive(atMost(parseDuration, maxTimerMs)), "a duration above 0 such as 10s, at most 24d");
export const count = (most: number) => field((value) => parseCount(value, most), `a whole number from 1 to ${most}`);
/** 0: no limit. */
export const limit = (most: number) =>
  field((value) => (value === 0 || value === "0" ? 0 : parseCount(value, most)), `a whole number from 0 to ${most}`);
export const flag = () => field(parseFlag, "true or false");
export const text = () => field((value) => (typeof value === "string" && value !== "" ? value : undefined), "text");
export const choice = <T extends string>(values: readonly T[]) =>
  field((value) => values.find((known) => known === value), `one of ${values.join(", ")}`);
export const listenAddresses = () =>
  field(
    (value): ListenAddress[] | undefined => parseList(value, parseListenAddress),
    "host:port, [ipv6]:port or unix:/path, or a list of these",
  );
export const upstreamName = () => field(parseAuthority, "the name of an upstream such as ghcr.io");
export const hostnames = () => field((value) => parseList(value, parseHost), "host names without a port");
export const authorities = () => field((value) => parseList(value, parseAuthority), "hosts such as auth.docker.io");
export const networks = () =>
  field((value) => parseList(value, parseNetwork), "addresses or networks such as 10.0.0.0/8 or ::1");
export const digests = () =>
  field(
    (value) => parseList(value, (part) => (typeof part === "string" ? parseDigest(part) : undefined)),
    "digests such as sha256:…",
  );
export const accessGlobs = () => field((value) => parseList(value, parseGlob), "globs such as docker.io/library/**");
export const platforms = () => field(parsePlatforms, "one or more platforms such as linux/amd64 or linux/arm/v7");
export const repositoryGlobs = () =>
  field((value) => parseList(value, parseRepositoryGlob), "patterns of repositories such as org/** or library/*");
export const programWords = () => secret(parseWords, "a list of texts: a program and its arguments");
export const tagGlob = () => field(parseTagGlob, "a pattern of tags such as v* or *-rc");
export const proxyUrl = () => secret(parseProxyUrl, "an http or https URL such as http://proxy.example:3128");
export const webhookUrl = () =>
  secret(parseWebhookUrl, "an http or https URL such as https://hooks.example/entrepot, without user or hash");
/** One or more of `values`. */
export const choices = <T extends string>(values: readonly T[]) =>
  field(
    (value) => nonEmpty(parseList(value, (part) => values.find((known) => known === part))),
    `one or more of ${values.join(", ")}`,
  );
export const endpointUrl = () =>
  secret(parseEndpointUrl, "an http or https URL such as https://ghcr.io, without user, query, hash or /v2");

/** The canonical text of an image pattern. */
export const imagePattern = () =>
  z
    .unknown()
    .transform((value, context): string => {
      try {
        if (typeof value === "string") return parseImagePattern(value).text;
        context.addIssue({ code: "custom", message: `must be text such as docker.io/library/alpine:3${quote(value)}` });
      } catch (error) {
        if (!(error instanceof ImageNameInvalid)) throw error;
        context.addIssue({ code: "custom", message: error.message });
      }
      return z.NEVER;
    })
    .optional();

/** Text that no message may quote. */
export const secretText = () =>
  secret((value) => (typeof value === "string" && value !== "" ? value : undefined), "text in quotes");

/** Sections are checked key by key before; `strict` is for what that check missed. */
export const section = <T extends z.core.$ZodLooseShape>(shape: T) =>
  z.strictObject(shape, { error: "must be a section of keys" });

function secret<T>(parse: (value: unknown) => T | undefined, expected: string) {
  return z
    .unknown()
    .transform((value, context): T => {
      const parsed = parse(value);
      if (parsed !== undefined) return parsed;
      context.addIssue({ code: "custom", message: `must be ${expected}` });
      return z.NEVER;
    })
    .optional();
}

function positive(parse: (value: unknown) => number | undefined): (value: unknown) => number | undefined {
  return (value) => {
    const number = parse(value);
    return number === 0 ? undefined : number;
  };
}

function atMost(parse: (value: unknown) => number | undefined, most: number): (value: unknown) => number | undefined {
  return (value) => {
    const number = parse(value);
    return number === undefined || number > most ? undefined : number;
  };
}

function parseCount(value: unknown, most: number): number | undefined {
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= most ? number : undefined;
}

function parseFlag(value: unknown): boolean | undefined {
  if (value === true || value === "true") return true;
  return value === false || value === "false" ? false : undefined;
}

/** A list, or text with commas (the form of the environment); every part must be readable. */
function parseList<T>(value: unknown, parse: (part: unknown) => T | undefined): T[] | undefined {
  const parts: unknown[] = typeof value === "string" ? value.split(",").map((part) => part.trim()) : asList(value);
  const parsed = parts.map(parse).filter((part) => part !== undefined);
  return parsed.length === parts.length && (parts.length > 0 || Array.isArray(value)) ? parsed : undefined;
}

function parsePlatforms(value: unknown): string[] | undefined {
  const parsed = parseList(value, (part) => (typeof part === "string" ? parsePlatform(part) : undefined));
  return parsed === undefined || parsed.length === 0 ? undefined : [...new Set(parsed)];
}

/** What could match a repository at all: the characters of its name, and stars. */
function parseRepositoryGlob(value: unknown): string | undefined {
  return typeof value === "string" && /^[a-z0-9*][a-z0-9._/*-]*$/.test(value) ? value : undefined;
}

function parseWords(value: unknown): string[] | undefined {
  const words = asList(value).filter((word) => typeof word === "string" && !word.includes("\0"));
  return words.length === asList(value).length && words.length > 0 && words[0] !== "" ? (words as string[]) : undefined;
}

/** What could match a tag at all: its characters, and stars. */
function parseTagGlob(value: unknown): string | undefined {
  return typeof value === "string" && /^[\w*][\w.*-]{0,127}$/.test(value) ? value : undefined;
}

/** Names in lower case, as repositories are written, with wildcards. */
function parseGlob(value: unknown): string | undefined {
  return typeof value === "string" && /^[a-z0-9._:*-]+(?:\/[a-z0-9._:*-]+)*$/.test(value) ? value : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function parseHttpUrl(value: unknown): URL | undefined {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}

function parseEndpointUrl(value: unknown): string | undefined {
  const url = parseHttpUrl(value);
  // Tested on the text: an empty query or hash, as in `https://host/?`, is not seen in the properties.
  if (url === undefined || /[?#]|\/\/[^/]*@|\/v2\/*$/.test(url.href)) return undefined;
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

function parseWebhookUrl(value: unknown): string | undefined {
  const url = parseHttpUrl(value);
  return url === undefined || /#|\/\/[^/]*@/.test(url.href) ? undefined : url.href;
}

function nonEmpty<T>(list: T[] | undefined): T[] | undefined {
  return list?.length === 0 ? undefined : list;
}

function parseProxyUrl(value: unknown): string | undefined {
  const url = parseHttpUrl(value);
  return url?.search === "" && url.hash === "" && url.pathname === "/" ? url.href : undefined;
}

function quote(value: unknown): string {
  if (value === null || value === undefined) return ", and has no value";
  const words = typeof value === "string" ? value : JSON.stringify(value);
  return `, not "${words.length > 80 ? `${words.slice(0, 77)}...` : words}"`;
}
