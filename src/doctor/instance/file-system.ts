import { statfsSync } from "node:fs";

/** What is known of the file system of a directory. */
export interface FileSystem {
  availableBytes: number;
  totalBytes: number;
  /** Undefined where the file system has no fixed number of them. */
  availableInodes: number | undefined;
  totalInodes: number;
  /** What may be lost there, or does not hold; undefined where nothing is known against it. */
  doubt: string | undefined;
}

/** Magic numbers of statfs(2). */
const doubts: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS: locks and fsync are only as good as the server; use a local disk"],
  [0xff534d42, "CIFS: neither locks nor fsync can be trusted; use a local disk"],
  [0xfe534d42, "SMB: neither locks nor fsync can be trusted; use a local disk"],
  [0x01021997, "9p: neither locks nor fsync can be trusted; use a local disk"],
  [0x00c36400, "CephFS: locks are only as good as the cluster; use a local disk"],
  [0x65735546, "FUSE: whether fsync means anything is up to the program behind it"],
  [0x01021994, "tmpfs: in memory, and gone after a restart of the machine"],
  [0x794c7630, "an overlay: gone with its container; mount a volume there"],
]);

export function fileSystemOf(path: string): FileSystem {
  const { bavail, blocks, bsize, files, ffree, type } = statfsSync(path);
  return {
    availableBytes: bavail * bsize,
    totalBytes: blocks * bsize,
    availableInodes: files === 0 ? undefined : ffree,
    totalInodes: files,
    doubt: doubts.get(type >>> 0),
  };
}
