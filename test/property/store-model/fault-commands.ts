import { chmodSync, closeSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { expect } from "vitest";
import { pull } from "../../support/pull.ts";
import { command, planOf, wordsOf, type Command, type TagPullPlan } from "./command.ts";
import { pullTag } from "./pulling.ts";
import type { World } from "./world.ts";

const minuteMs = 60_000;

export function crash(): Command {
  return command("crash", (world) => world.crash(), { isStandstill: true });
}

export function crashWithin(at: TagPullPlan, afterMs: number): Command {
  return command(
    `crash ${afterMs} ms after a pull of ${wordsOf(at)} has begun`,
    async (world) => {
      const { repository, tag } = planOf(world, at.tag);
      const options = { mustCheck: at.mustCheck, platforms: [at.platform] };
      const pulling = pull(world.instance, repository, tag, options).catch((error: unknown) => error);
      await pause(afterMs);
      await world.crash();
      // A connection may break; whole bodies with wrong bytes may not be.
      const pulled = await pulling;
      expect(pulled instanceof Error ? pulled.message : "").not.toContain("wrong bytes");
    },
    { mayOrphan: true },
  );
}

/** Asks while files and index are still being compared. */
export function pullAfterCrash(at: TagPullPlan): Command {
  return command(
    `crash, and pull ${wordsOf(at)} at once`,
    async (world) => {
      await world.crash();
      await pullTag(world, { ...at, plan: planOf(world, at.tag) });
    },
    { mayOrphan: true },
  );
}

export function restart(): Command {
  return command("restart", (world) => world.restart(), { isStandstill: true });
}

export function flip(at: number): Command {
  return command(`flip a byte of file ${at}`, (world) => {
    const digest = fileAt(world, at);
    if (digest !== undefined) world.tamper(digest, "flipped", (path) => flipByte(path, at));
    return Promise.resolve();
  });
}

export function removeStored(at: number): Command {
  return command(`remove file ${at}`, (world) => {
    const digest = fileAt(world, at);
    if (digest !== undefined) world.tamper(digest, "gone", rmSync);
    return Promise.resolve();
  });
}

/** A stored file that is still as it should be. */
function fileAt({ snapshot, tampered }: World, at: number): string | undefined {
  const files = [...snapshot.files.keys()].filter((digest) => !tampered.has(digest)).sort();
  return files[at % files.length];
}

function flipByte(path: string, at: number): void {
  chmodSync(path, 0o644);
  const descriptor = openSync(path, "r+");
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, at);
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

export function setUpstream(isUp: boolean): Command {
  return command(
    isUp ? "the upstream is back" : "the upstream goes down",
    (world, model) => {
      model.isUpstreamUp = isUp;
      world.setUpstream(isUp);
      return Promise.resolve();
    },
    { needs: isUp ? "down" : "up" },
  );
}

export function skip(minutes: number): Command {
  return command(`${minutes} minutes go by`, (world) => world.skip(minutes * minuteMs));
}
