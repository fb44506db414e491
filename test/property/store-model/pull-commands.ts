import { expect } from "vitest";
import { pull } from "../../support/pull.ts";
import { command, planOf, wordsOf, type Command, type TagPullPlan } from "./command.ts";
import { pullDigest, pullTag } from "./pulling.ts";

export function pullByTag(at: TagPullPlan): Command {
  return command(`pull ${wordsOf(at)}`, (world) => pullTag(world, { ...at, plan: planOf(world, at.tag) }));
}

export function pullByDigest(at: number): Command {
  return command(`pull target ${at}`, async (world) => {
    const target = world.catalog.targets[at];
    if (target) await pullDigest(world, target);
  });
}

/** An image that nothing else shares a layer with: others must go for it. */
export function pullNew(bytes: number): Command {
  return command(
    `pull a new image of ${bytes} bytes`,
    async (world) => {
      const tag = `new-${bytes}`;
      world.upstream.pushImage("model/new", tag, { layers: [bytes] });
      const pulled = await pull(world.instance, "model/new", tag);
      expect(pulled.broken).toEqual([]);
    },
    { needs: "up" },
  );
}

export function pullAtOnce(pulls: TagPullPlan[], freeBytes: number): Command {
  const words = `${pulls.map(wordsOf).join("; ")} at once, ${freeBytes} bytes evicted meanwhile`;
  return command(
    words,
    async (world) => {
      // Without the upstream what goes in between could not come back.
      const evicting = freeBytes > 0 && world.isUpstreamUp ? world.instance.api.evict({ freeBytes }) : undefined;
      await Promise.all([evicting, ...pulls.map((at) => pullTag(world, { ...at, plan: planOf(world, at.tag) }))]);
    },
    { mayOrphan: true },
  );
}

export function moveTag(at: number, targetAt: number): Command {
  return command(`tag ${at} moves to target ${targetAt}`, (world) => {
    const { repository, tag, targets } = planOf(world, at);
    const target = targets[targetAt % targets.length];
    if (target) world.upstream.tag(repository, tag, target.digest);
    world.noteTag(repository, tag);
    return Promise.resolve();
  });
}

export function removeTag(at: number): Command {
  return command(`tag ${at} is removed upstream`, (world) => {
    const { repository, tag } = planOf(world, at);
    world.upstream.removeTag(repository, tag);
    return Promise.resolve();
  });
}
