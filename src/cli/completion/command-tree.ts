import type { Argument, Command, Option } from "commander";

/** A command as the shells have to know it, found by what is typed: `config check`; the program itself is the empty path. */
export interface CommandNode {
  path: string;
  options: OptionNode[];
  /** Names and descriptions of commands, or values of the first argument. */
  words: { word: string; description: string }[];
}

export interface OptionNode {
  /** `--json` */
  flag: string;
  description: string;
  /** What follows it; undefined where nothing does. */
  value: "file" | "text" | readonly string[] | undefined;
}

/** All commands, the outer ones first, as commander itself knows them: so that nothing is completed that does not exist. */
export function commandTree(program: Command): CommandNode[] {
  const isDefault = program.commands.find((command) => command.name() === "serve");
  const nodes = nodesOf(program, "");
  const [root] = nodes;
  // What runs where no command is named takes its options there too.
  if (root && isDefault) root.options.push(...isDefault.options.map(optionNode));
  return nodes;
}

function nodesOf(command: Command, path: string): CommandNode[] {
  const words = command.commands.map((sub) => ({ word: sub.name(), description: sub.description() }));
  const choices = command.registeredArguments.flatMap((argument: Argument) => argument.argChoices ?? []);
  const values = choices.map((word) => ({ word, description: "" }));
  const help: OptionNode = { flag: "--help", description: "print this help", value: undefined };
  const own: CommandNode = {
    path,
    options: [...command.options.map(optionNode), help],
    words: [...words, ...values],
  };
  const inner = command.commands.flatMap((sub) => nodesOf(sub, path === "" ? sub.name() : `${path} ${sub.name()}`));
  return [own, ...inner];
}

function optionNode(option: Option): OptionNode {
  const { long, flags, description, argChoices, required, optional } = option;
  const placeholder = /[<[](\w+)/.exec(flags)?.[1] ?? "";
  const isFile = placeholder === "file" || placeholder === "directory";
  const value = required || optional ? (argChoices ?? (isFile ? "file" : "text")) : undefined;
  return { flag: long ?? flags, description, value };
}
