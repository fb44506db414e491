import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../finding.ts";

/** A file that is there and cannot be read. */
export class FileUnreadable extends Error {
  override readonly name = "FileUnreadable";
}

/** The files of the machine on which a client runs; paths are that machine's, absolute. */
export interface Files {
  /** Undefined where there is no such file. @throws FileUnreadable */
  read(path: string): string | undefined;
  /** Names in a directory in the order of their bytes; none where there is no such directory. */
  list(path: string): string[];
  isDirectory(path: string): boolean;
}

/** @param root where that machine's `/` is here */
export function filesBelow(root: string): Files {
  return {
    read(path) {
      try {
        return readFileSync(join(root, path), "utf8");
      } catch (error) {
        if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return undefined;
        throw new FileUnreadable(`${path} cannot be read (${codeOf(error)})`, { cause: error });
      }
    },
    list(path) {
      try {
        return readdirSync(join(root, path)).sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)));
      } catch (error) {
        if (["ENOENT", "ENOTDIR"].includes(codeOf(error))) return [];
        throw new FileUnreadable(`${path} cannot be read (${codeOf(error)})`, { cause: error });
      }
    },
    isDirectory: (path) => statSync(join(root, path), { throwIfNoEntry: false })?.isDirectory() ?? false,
  };
}
