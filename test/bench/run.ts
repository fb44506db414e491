import { chain } from "./chain.ts";
import { compare } from "./compare/compare.ts";
import { publish } from "./compare/publish.ts";
import type { Finding } from "./finding.ts";
import { slowReaders } from "./slow-readers.ts";
import { store } from "./store.ts";

interface Benchmark {
  run: () => Promise<Finding[]>;
  /** Only run where it is named: it takes long. */
  onlyByName?: true;
}

const benchmarks: Record<string, Benchmark> = {
  "slow-readers": { run: slowReaders },
  chain: { run: chain },
  store: { run: store, onlyByName: true },
};

const defaults = Object.keys(benchmarks).filter((name) => benchmarks[name]?.onlyByName !== true);

/** Runs the benchmarks named on the command line, or those that are quick. Figures are printed; only what is right or wrong can fail. */
async function run(names: readonly string[]): Promise<number> {
  const findings: Finding[] = [];
  for (const name of names.length > 0 ? names : defaults) {
    const benchmark = benchmarks[name];
    if (!benchmark) throw new Error(`no benchmark ${name}: there are ${Object.keys(benchmarks).join(", ")}`);
    console.log(`# ${name}`);
    for (const finding of await benchmark.run()) {
      const mark = finding.holds === undefined ? "figure" : finding.holds ? "ok" : "not ok";
      console.log(`${mark} - ${finding.promise}: ${finding.figure}`);
      findings.push(finding);
    }
  }
  const failed = findings.filter(({ holds }) => holds === false).length;
  console.log(`${findings.filter(({ holds }) => holds === true).length} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Commands of their own, with arguments of their own; anything else are names of benchmarks. */
const commands: Record<string, (args: readonly string[]) => Promise<number>> = { compare, report: publish };

const [first = "", ...others] = process.argv.slice(2);
process.exitCode = await (commands[first]?.(others) ?? run(process.argv.slice(2)));
