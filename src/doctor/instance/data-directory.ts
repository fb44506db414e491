import { closeSync, constants, existsSync, fsyncSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DataDirectoryError, inspectDataDirectory } from "../../metadata/index.ts";
import { codeOf, findingsOf, type Finding } from "../finding.ts";
import { fileSystemOf } from "./file-system.ts";
import { lockHolder } from "./lock-holder.ts";

const { ok, warning, failed, skipped } = findingsOf("data directory");

/** Whether the directory can hold a store. Nothing stays of the file that is written there for a moment. */
export function examineDataDirectory(dataDir: string, isInstanceRunning: boolean): Finding[] {
  const directory = resolve(dataDir);
  const there = statSync(directory, { throwIfNoEntry: false });
  if (there && !there.isDirectory())
    return [failed("place", `${directory} is not a directory`, "name another as dataDir")];
  if (!there) return [...newDirectoryFindings(directory), ...fileSystemFindings(parentOf(directory))];
  return [
    writeFinding(directory, `${directory} can be written`),
    ...stateFindings(directory, isInstanceRunning),
    ...sameFileSystemFindings(directory),
    ...fileSystemFindings(directory),
  ];
}

function newDirectoryFindings(directory: string): Finding[] {
  const finding = writeFinding(parentOf(directory), `${directory} is not there yet: the first start makes it`);
  return [finding];
}

/** The nearest directory above that is there. */
function parentOf(directory: string): string {
  const parent = dirname(directory);
  return existsSync(parent) ? parent : parentOf(parent);
}

/** Writes, syncs and removes a file: permission bits say nothing of read-only mounts and of what cannot be synced. */
function writeFinding(directory: string, says: string): Finding {
  const path = join(directory, `.entrepot-doctor-${process.pid}`);
  try {
    const descriptor = openSync(path, "wx", 0o600);
    try {
      writeFileSync(descriptor, "written by entrepot doctor, and to be removed\n");
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
      rmSync(path, { force: true });
    }
    const above = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(above);
    } finally {
      closeSync(above);
    }
    return ok("writing", says);
  } catch (error) {
    const todo = "make it belong to the user that entrepot runs as, or name another as dataDir";
    return failed("writing", `${directory} cannot be written (${codeOf(error)})`, todo);
  }
}

function stateFindings(directory: string, isInstanceRunning: boolean): Finding[] {
  try {
    const { format, isLocked } = inspectDataDirectory(directory);
    const known = format === undefined ? "empty: nothing has been stored yet" : `format ${format}`;
    return [ok("format", known), lockFinding(directory, isLocked, isInstanceRunning)];
  } catch (error) {
    if (error instanceof DataDirectoryError) return [failed("format", error.message)];
    return [
      failed("format", `cannot be looked at (${codeOf(error)})`, "run the doctor as the user that entrepot runs as"),
    ];
  }
}

function lockFinding(directory: string, isLocked: boolean, isInstanceRunning: boolean): Finding {
  if (!isLocked) {
    if (!isInstanceRunning) return ok("lock", "no process has it");
    return warning("lock", "no process has it, and an instance runs: on another data directory", "give its --config");
  }
  const holder = lockHolder(join(directory, "LOCK"));
  const who = holder === undefined ? "a process that cannot be seen from here" : `process ${holder}`;
  if (isInstanceRunning) return ok("lock", `held by ${who}`);
  const todo = "stop that process, or say with --admin where its admin listener is";
  return warning("lock", `held by ${who}, and no instance answers: another start would fail`, todo);
}

function sameFileSystemFindings(directory: string): Finding[] {
  const { dev } = statSync(directory);
  const others = ["blobs", "blobs/sha256", "blobs/sha512", "ingest", "quarantine"].filter((name) => {
    const status = statSync(join(directory, name), { throwIfNoEntry: false });
    return status !== undefined && status.dev !== dev;
  });
  if (others.length === 0) return [];
  const says = `${others.join(", ")} is on another file system, and files cannot be renamed into it`;
  return [failed("file systems", says, "mount one file system for the whole directory")];
}

function fileSystemFindings(path: string): Finding[] {
  const { availableInodes, totalInodes, doubt } = fileSystemOf(path);
  const findings: Finding[] = [];
  if (doubt !== undefined) findings.push(warning("file system", doubt));
  if (availableInodes === undefined) findings.push(skipped("inodes", "the file system has no fixed number"));
  else if (availableInodes < Math.max(1000, totalInodes / 100)) {
    const says = `${availableInodes} of ${totalInodes} are free: no file can be made without one`;
    findings.push(warning("inodes", says, "remove small files, or use another file system"));
  } else findings.push(ok("inodes", `${availableInodes} free`));
  return findings;
}
