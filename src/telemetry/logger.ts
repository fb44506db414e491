import { pino, type DestinationStream, type Logger } from "pino";
import { PinoPretty } from "pino-pretty";
import { LineBatches } from "./line-batches.ts";

export type { Logger };

export interface LoggerOptions {
  level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  /** `auto`: readable lines on a terminal, JSON otherwise. */
  format: "auto" | "readable" | "json";
  /** Where lines go instead of standard output; never counted as a terminal. */
  destination?: DestinationStream;
}

/** What waits for a reader of standard output that has stopped reading; lines beyond it are dropped, not kept in memory. */
const maxWaitingBytes = 16 * 1024 * 1024;

/** Fields that are never written, whoever passes them by mistake: the rooms log a fixed list of fields. */
const neverLogged = ["authorization", "cookie", "password", "token", "headers", "credentials"];

/** A logger whose lines have `level` in words and `time` in RFC 3339. */
export function createLogger({ level, format, destination }: LoggerOptions): Logger {
  const isReadable = format === "readable" || (format === "auto" && !destination && process.stdout.isTTY);
  return pino(
    {
      level,
      base: null,
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => serializeError(error), error: (error: unknown) => serializeError(error) },
      redact: { paths: neverLogged.flatMap((name) => [name, `*.${name}`]), remove: true },
    },
    isReadable ? readableStream(destination) : (destination ?? standardOutput()),
  );
}

/** The time member of a line; many lines are of the same millisecond. */
function createTimestamp(): () => string {
  let at = NaN;
  let member = "";
  return () => {
    const now = Date.now();
    if (now !== at) [at, member] = [now, `,"time":"${new Date(now).toISOString()}"`];
    return member;
  };
}

/** Writes the line of one answered request. */
export type RequestLog = (line: Readonly<Record<string, string | number | boolean | undefined>>) => void;

/** The lines of requests are a fixed list of words and numbers: to look for secrets in each would cost more than to write it. */
export function createRequestLog(logger: Logger): RequestLog {
  const lines = logger.child({}, { redact: [], level: "info" });
  // A child does not follow when its parent's level changes.
  return (line) => {
    if (logger.isLevelEnabled("info")) lines.info(line, "request");
  };
}

function readableStream(destination: DestinationStream | undefined): DestinationStream {
  return PinoPretty({
    colorize: !destination && process.stdout.isTTY,
    translateTime: "SYS:HH:MM:ss.l",
    sync: true,
    ...(destination && { destination }),
  });
}

/** Not synchronous: a pipe that nobody reads must not stop the server. What waits is written at exit. */
function standardOutput(): DestinationStream {
  const lines = new LineBatches((text) => output.write(text));
  // Before what the output does at exit itself.
  process.once("exit", () => lines.flush());
  const output = pino.destination({ dest: 1, sync: false, maxLength: maxWaitingBytes });
  return lines;
}

/** An error by its name, words, code and stack: other properties may hold requests, and with them credentials. */
function serializeError(value: unknown, depth = 0): unknown {
  if (!(value instanceof Error)) return typeof value === "object" ? "not an Error" : value;
  return {
    type: value.name,
    message: value.message,
    ...("code" in value && { code: String(value.code) }),
    ...("kind" in value && { kind: String(value.kind) }),
    stack: value.stack,
    ...(value.cause !== undefined && depth < 5 && { cause: serializeError(value.cause, depth + 1) }),
  };
}
