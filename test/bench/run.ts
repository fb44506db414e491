import type { Finding } from "./finding.ts";
import { slowReaders } from "./slow-readers.ts";
import { storm } from "./storm.ts";

const benchmarks: Record<string, () => Promise<Finding[]>> = { storm, "slow-readers": slowReaders };

/** Runs the benchmarks named on the command line, or all. Figures are printed; only what is right or wrong can fail. */
async function run(names: readonly string[]): Promise<number> {
  const findings: Finding[] = [];
  for (const name of names.length > 0 ? names : Object.keys(benchmarks)) {
    const benchmark = benchmarks[name];
    if (!benchmark) throw new Error(`no benchmark ${name}: there are ${Object.keys(benchmarks).join(", ")}`);
    console.log(`# ${name}`);
    for (const finding of await benchmark()) {
      const mark = finding.holds === undefined ? "figure" : finding.holds ? "ok" : "not ok";
      console.log(`${mark} - ${finding.promise}: ${finding.figure}`);
      findings.push(finding);
    }
  }
  const failed = findings.filter(({ holds }) => holds === false).length;
  console.log(`${findings.filter(({ holds }) => holds === true).length} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

process.exitCode = await run(process.argv.slice(2));
