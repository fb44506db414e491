import { until, type Daemon } from "../../../clients/child-processes.ts";

/** Resolves when a server that has just been started answers as it should. */
export async function answersAt(url: string, daemon: Daemon, status: number): Promise<void> {
  await until(`an answer at ${url}`, 15_000, async () => {
    if (!daemon.isRunning()) throw new Error(`what should answer at ${url} ended at its start`);
    const answer = await fetch(url).catch(() => undefined);
    await answer?.body?.cancel();
    return answer?.status === status;
  });
}
