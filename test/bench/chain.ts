import { Agent, request } from "undici";
import { seededBytes, startUpstream, type TestUpstream } from "../upstream/index.ts";
import type { Finding } from "./finding.ts";
import { startMeasured } from "./measured-instance.ts";

const rounds = 200;

/** What a client asks for, at the parent itself and through a node. */
interface Question {
  what: string;
  method: "GET" | "HEAD";
  /** The n-th of as many as there are rounds. */
  path: (round: number) => string;
}

/** What a node in front adds to a hit at its parent: for what the node has to ask the parent about, one request at a time. */
export async function chain(): Promise<Finding[]> {
  const upstream = await startUpstream({});
  const parent = await startMeasured(upstream.url);
  const node = await startMeasured(parent.url, { addressing: "plain", tags: { freshFor: "0s" } });
  const agent = new Agent({ connections: 1 });
  try {
    const findings: Finding[] = [];
    for (const question of questionsOf(upstream)) {
      const ask = (url: string, round: number) => timeOf(`${url}/v2/${question.path(round)}`, question.method, agent);
      // What the parent has is a hit there, and its connections are open.
      for (let round = 0; round < rounds; round += 1) await ask(parent.url, round);
      await ask(node.url, rounds);
      const [there, through] = [[], []] as [number[], number[]];
      for (let round = 0; round < rounds; round += 1) {
        there.push(await ask(parent.url, round));
        through.push(await ask(node.url, round));
      }
      findings.push(findingOf(question, there, through));
    }
    return findings;
  } finally {
    await agent.destroy();
    await node.stop();
    await parent.stop();
    await upstream.close();
  }
}

function questionsOf(upstream: TestUpstream): Question[] {
  const images = Array.from({ length: rounds + 1 }, (_, round) =>
    upstream.pushImage(`library/demo-${String(round)}`, "1", {
      layers: [seededBytes(`layer ${String(round)}`, 100_000)],
    }),
  );
  const of = (round: number, path: string): string => `library/demo-${String(round)}/${path}`;
  return [
    { what: "HEAD of a tag that the node checks", method: "HEAD", path: (round) => of(round, "manifests/1") },
    {
      what: "GET of a manifest that the node has not",
      method: "GET",
      path: (round) => of(round, `manifests/${String(images[round]?.digest)}`),
    },
    { what: "HEAD of a tag that the node has, and checks", method: "HEAD", path: (round) => of(round, "manifests/1") },
    {
      what: "GET of a blob of 100 kB that the node has not",
      method: "GET",
      path: (round) => of(round, `blobs/${String(images[round]?.layers[0]?.digest)}`),
    },
  ];
}

/** Milliseconds to the last byte. */
async function timeOf(url: string, method: "GET" | "HEAD", dispatcher: Agent): Promise<number> {
  const startedAt = performance.now();
  const { statusCode, body } = await request(url, { method, dispatcher });
  await body.dump({ limit: 1_000_000 });
  if (statusCode !== 200) throw new Error(`${url} was answered ${String(statusCode)}`);
  return performance.now() - startedAt;
}

function findingOf({ what }: Question, there: number[], through: number[]): Finding {
  const [own, both] = [medianOf(there), medianOf(through)];
  const figure = `${(both - own).toFixed(2)} ms (${own.toFixed(2)} ms at the parent, ${both.toFixed(2)} ms through the node; slowest tenth ${tenthOf(through).toFixed(2)} ms)`;
  return { promise: `${what}: the node adds to a hit at its parent (aim: 5 ms)`, figure };
}

function medianOf(values: readonly number[]): number {
  return sorted(values)[Math.floor(values.length / 2)] ?? 0;
}

function tenthOf(values: readonly number[]): number {
  return sorted(values)[Math.floor(values.length * 0.9)] ?? 0;
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((one, other) => one - other);
}
