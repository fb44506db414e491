/** One instance, told over IPC what to do. A process of its own so that it can be killed; see ../instance-process.ts. */
import type { FromInstance, Started, ToInstance } from "../instance-process.ts";
import { startInstance, type Instance } from "../instance.ts";
import { SkippingClock } from "../skipping-clock.ts";

let clock = new SkippingClock();
let instance: Instance | undefined;
let told = 0;

async function answer(message: ToInstance): Promise<unknown> {
  switch (message.ask) {
    case "start": {
      const { directory, settings, skippedMs = 0 } = message.options;
      clock = new SkippingClock();
      clock.skip(skippedMs);
      told = 0;
      instance = await startInstance({ directory, settings, clock });
      const { url, adminUrl, app } = instance;
      return { url, adminUrl, adminToken: app.adminToken } satisfies Started;
    }
    case "skip":
      clock.skip(message.ms);
      return undefined;
    case "errors":
      return newErrors();
    case "stop":
      return instance?.stop();
  }
}

function newErrors(): string[] {
  const lines = instance?.log.slice(told) ?? [];
  told += lines.length;
  return lines.filter(({ level }) => level === "error" || level === "fatal").map((line) => JSON.stringify(line));
}

process.on("message", (message: ToInstance) => {
  const reply = (rest: Omit<FromInstance, "id">): void => void process.send?.({ id: message.id, ...rest });
  answer(message).then(
    (value) => reply({ value }),
    (error: unknown) => reply({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
process.on("disconnect", () => process.exit());
