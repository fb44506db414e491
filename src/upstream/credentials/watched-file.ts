import { open, stat } from "node:fs/promises";
import { CredentialFault } from "./credential-fault.ts";

const checkEveryMs = 1000;
const maxBytes = 1024 * 1024;

export interface WatchedFile {
  /**
   * The text as it is now: looked at no more than once a second, and read again where the file has changed.
   * @param isForced - Read whatever its times say.
   * @throws CredentialFault where it cannot be read or is empty.
   */
  read(isForced: boolean): Promise<string>;
}

export function watchFile(path: string, now: () => number): WatchedFile {
  let kept: { text: string; mark: string; checkedAt: number } | undefined;
  return {
    async read(isForced) {
      if (kept && !isForced && Math.abs(now() - kept.checkedAt) < checkEveryMs) return kept.text;
      try {
        const mark = markOf(await stat(path, { bigint: true }));
        const text = kept?.mark === mark && !isForced ? kept.text : await readBounded(path);
        kept = { text, mark, checkedAt: now() };
        return text;
      } catch (error) {
        throw error instanceof CredentialFault ? error : new CredentialFault(`${path} ${wordsOf(error)}`);
      }
    },
  };
}

/** Changes with the file: also where it was replaced within one tick of its clock. */
function markOf({ ino, size, mtimeNs, ctimeNs }: { ino: bigint; size: bigint; mtimeNs: bigint; ctimeNs: bigint }) {
  return [ino, size, mtimeNs, ctimeNs].join(" ");
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(maxBytes + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length);
      length += bytesRead;
      if (length > maxBytes) throw new CredentialFault(`${path} has more than ${maxBytes} bytes`);
      if (bytesRead === 0) break;
    }
    const text = buffer.toString("utf8", 0, length);
    if (text.trim() === "") throw new CredentialFault(`${path} is empty`);
    return text;
  } finally {
    await file.close();
  }
}

function wordsOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown reason";
  return code === "ENOENT" ? "is not there" : `cannot be read (${code})`;
}
