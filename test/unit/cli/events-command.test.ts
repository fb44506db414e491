import { describe, expect, it } from "vitest";
import { createAdminApp, EventStream } from "../../../src/admin/index.ts";
import { createEvents, type NewEvent } from "../../../src/telemetry/index.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { adminOptions, listen, someStats } from "../admin/admin-server.ts";
import { run, withFile } from "./command-line.ts";
import { interruption } from "./jobs.ts";

const down = (host: string): NewEvent => ({ kind: "upstream-down", upstream: "docker.io", host });

describe("entrepot events", () => {
  it("goes on behind the last event when the stream has ended", async () => {
    const clock = new ManualClock();
    const events = createEvents({ now: () => clock.now(), keep: 10 });
    const eventStream = new EventStream({
      events,
      activity: () => Promise.resolve({ stats: someStats, fills: [] }),
      setTimer: (ms, action) => clock.setTimer(ms, action),
      onError: () => undefined,
    });
    const url = await listen(createAdminApp(adminOptions({ eventStream })));
    const { onInterrupt, interrupt } = interruption();
    const lines: string[] = [];
    events.emit(down("a"));
    const argv = ["events", "--since", "0", "--admin", url, "--token-file", withFile("the-token", "admin-token")];
    const { exitCode } = await run(argv, {
      onInterrupt,
      stdout: {
        write(text) {
          lines.push(text);
          if (text.includes("host=a")) {
            eventStream.close();
            // While nobody listens.
            events.emit(down("b"));
          }
          if (text.includes("host=b")) interrupt();
        },
      },
    });
    expect([exitCode, lines]).toEqual([
      0,
      [
        "(what has happened before is not known any more)\n",
        "2026-01-01 00:00:00Z upstream-down upstream=docker.io host=a\n",
        "2026-01-01 00:00:00Z upstream-down upstream=docker.io host=b\n",
      ],
    ]);
  });
});
