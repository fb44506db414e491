import * as monitoring from "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1";
import * as apps from "kubernetes-models/apps/v1";
import * as networking from "kubernetes-models/networking.k8s.io/v1";
import * as policy from "kubernetes-models/policy/v1";
import * as core from "kubernetes-models/v1";
import ts from "typescript";
import type { Resource } from "./rendered.ts";

const modules: Readonly<Record<string, { specifier: string; models: Readonly<Record<string, unknown>> }>> = {
  v1: { specifier: "kubernetes-models/v1", models: core },
  "apps/v1": { specifier: "kubernetes-models/apps/v1", models: apps },
  "networking.k8s.io/v1": { specifier: "kubernetes-models/networking.k8s.io/v1", models: networking },
  "policy/v1": { specifier: "kubernetes-models/policy/v1", models: policy },
  "monitoring.coreos.com/v1": {
    specifier: "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1",
    models: monitoring,
  },
};

/**
 * What the API of Kubernetes and of the Prometheus operator would not take, in words; none where all is well. The values are
 * held against the validators that are made from the API's own schemas. These let unknown fields pass, so the resources are
 * also held, as literals, against the types that are made from the same schemas.
 */
export function faultsOf(resources: readonly Resource[]): string[] {
  return [...resources.flatMap(valueFaults), ...fieldFaults(resources)];
}

function valueFaults(resource: Resource): string[] {
  const Model = moduleOf(resource).models[resource.kind] as
    (new (data: Resource) => { validate: () => void }) | undefined;
  if (!Model) return [`${resource.apiVersion} has no ${resource.kind}`];
  try {
    new Model(resource).validate();
    return [];
  } catch (error) {
    return [`${nameOf(resource)}: ${String(error)}`];
  }
}

function fieldFaults(resources: readonly Resource[]): string[] {
  const file = new URL("./resources-as-literals.ts", import.meta.url).pathname;
  const lines = resources.map((resource, place) => {
    const type = `import(${JSON.stringify(moduleOf(resource).specifier)}).I${resource.kind}`;
    return `export const resource${place}: ${type} = ${JSON.stringify(resource)};`;
  });
  const options: ts.CompilerOptions = {
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2024,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  };
  const program = ts.createProgram([file], options, withFile(ts.createCompilerHost(options), file, lines.join("\n")));
  return ts.getPreEmitDiagnostics(program).map(({ messageText, start, file: source }) => {
    const line = source && start !== undefined ? source.getLineAndCharacterOfPosition(start).line : -1;
    const resource = resources[line];
    return `${resource ? nameOf(resource) : "?"}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

/** A compiler's host to which one more file is there. */
function withFile(host: ts.CompilerHost, file: string, text: string): ts.CompilerHost {
  return {
    ...host,
    fileExists: (name) => name === file || host.fileExists(name),
    readFile: (name) => (name === file ? text : host.readFile(name)),
    getSourceFile: (name, ...rest) =>
      name === file ? ts.createSourceFile(name, text, rest[0]) : host.getSourceFile(name, ...rest),
  };
}

function moduleOf({ apiVersion }: Resource) {
  const found = modules[apiVersion];
  if (!found) throw new Error(`nothing is known of ${apiVersion}`);
  return found;
}

function nameOf({ kind, metadata }: Resource): string {
  return `${kind} ${metadata.name}`;
}
