import { Argument, type Command } from "commander";
import type { CliContext } from "../context.ts";
import { commandTree } from "./command-tree.ts";
import { completionScript, shells, type Shell } from "./scripts.ts";

export function addCompletionCommand(program: Command, { stdout }: CliContext): void {
  program
    .command("completion")
    .description("print what makes a shell complete these commands: source <(entrepot completion bash)")
    .addArgument(new Argument("<shell>", "which shell").choices(shells))
    .action((shell: Shell) => void stdout.write(completionScript(shell, commandTree(program))));
}
