import type { CommandNode, OptionNode } from "./command-tree.ts";

export const shells = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof shells)[number];

/** The completion of the commands for a shell, to be sourced by it. */
export function completionScript(shell: Shell, nodes: readonly CommandNode[]): string {
  const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript };
  return scripts[shell](nodes);
}

/** Quoted for bash, zsh and fish alike: descriptions hold no line ends. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}

function innerPaths(nodes: readonly CommandNode[]): string[] {
  return nodes.map(({ path }) => path).filter((path) => path !== "");
}

function valued(nodes: readonly CommandNode[]): Map<string, OptionNode["value"]> {
  const options = nodes.flatMap(({ options }) => options);
  return new Map(options.flatMap(({ flag, value }) => (value === undefined ? [] : [[flag, value] as const])));
}

/** What bash and zsh do alike: `typed` becomes the command, word by word. */
function pathFinder(nodes: readonly CommandNode[], words: string): string {
  const cases = innerPaths(nodes).map((path) => quote(path));
  return `  for word in ${words}; do
    case "\${typed:+$typed }$word" in
      ${cases.join("|")}) typed="\${typed:+$typed }$word" ;;
    esac
  done`;
}

function bashScript(nodes: readonly CommandNode[]): string {
  const values = [...valued(nodes)].map(([flag, value]) => {
    const known = typeof value === "string" ? "" : value?.join(" ");
    const reply = value === "file" ? 'compgen -f -- "$cur"' : `compgen -W ${quote(known ?? "")} -- "$cur"`;
    return `    ${flag}) mapfile -t COMPREPLY < <(${reply}); return ;;`;
  });
  const commands = nodes.map(({ path, options, words }) => {
    const all = [...words.map(({ word }) => word), ...options.map(({ flag }) => flag)];
    return `    ${quote(path)}) possible=${quote(all.join(" "))} ;;`;
  });
  return `# bash completion of entrepot: source <(entrepot completion bash)
_entrepot() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="" typed="" possible="" word
  ((COMP_CWORD > 0)) && prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  case "$prev" in
${values.join("\n")}
  esac
${pathFinder(nodes, '"${COMP_WORDS[@]:1:COMP_CWORD-1}"')}
  case "$typed" in
${commands.join("\n")}
  esac
  mapfile -t COMPREPLY < <(compgen -W "$possible" -- "$cur")
}
complete -F _entrepot entrepot
`;
}

function zshScript(nodes: readonly CommandNode[]): string {
  const describe = (word: string, description: string): string =>
    quote(`${word}:${description.replaceAll(":", "\\:")}`);
  const values = [...valued(nodes)].map(([flag, value]) => {
    const known = typeof value === "string" ? "" : value?.join(" ");
    return `    ${flag}) ${value === "file" ? "_files" : `compadd -- ${known ?? ""}`}; return ;;`;
  });
  const commands = nodes.map(({ path, options, words }) => {
    const all = [
      ...words.map(({ word, description }) => describe(word, description)),
      ...options.map(({ flag, description }) => describe(flag, description)),
    ];
    return `    ${quote(path)}) possible=(${all.join(" ")}) ;;`;
  });
  return `#compdef entrepot
# zsh completion of entrepot: source <(entrepot completion zsh)
_entrepot() {
  local prev="\${words[CURRENT-1]}" typed="" word
  local -a possible
  case "$prev" in
${values.join("\n")}
  esac
${pathFinder(nodes, '"${(@)words[2,CURRENT-1]}"')}
  case "$typed" in
${commands.join("\n")}
  esac
  _describe 'entrepot' possible
}
if [ "$funcstack[1]" = "_entrepot" ]; then _entrepot "$@"; else compdef _entrepot entrepot; fi
`;
}

function fishScript(nodes: readonly CommandNode[]): string {
  const paths = innerPaths(nodes).map((path) => quote(path));
  const lines = nodes.flatMap(({ path, options, words }) => {
    const at = `complete -c entrepot -n "__entrepot_at ${quote(path)}"`;
    return [
      ...words.map(({ word, description }) => `${at} -f -a ${quote(word)} -d ${quote(description)}`),
      ...options.map((option) => `${at} ${fishOption(option)} -d ${quote(option.description)}`),
    ];
  });
  return `# fish completion of entrepot: entrepot completion fish | source
function __entrepot_at
  set -l typed
  for word in (commandline -opc)[2..-1]
    contains -- (string join -- ' ' $typed $word) ${paths.join(" ")}; and set typed $typed $word
  end
  test "$typed" = "$argv[1]"
end
${lines.join("\n")}
`;
}

function fishOption({ flag, value }: OptionNode): string {
  const long = `-l ${flag.replace(/^--/, "")}`;
  if (value === undefined) return `${long} -f`;
  if (value === "file") return `${long} -r -F`;
  return value === "text" ? `${long} -x` : `${long} -x -a ${quote(value.join(" "))}`;
}
