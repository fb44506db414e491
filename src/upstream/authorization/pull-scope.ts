/**
 * The scope to ask a token for (distribution, "Token Scope Documentation"). The challenge names it, but only what a pull
 * of this repository needs is asked for: a registry that has been taken over must not have a token for pushing, or for
 * another repository, made with our credentials. A scope in one word, such as public.ecr.aws's `aws`, names no resource.
 * @param names - The repository as the registry may call it: with the path of the endpoint's URL before it, or without.
 */
export function pullScope(challenged: string | undefined, names: readonly string[]): string {
  const [ownName = ""] = names;
  const scopes = (challenged ?? "").split(" ").filter((scope) => scope !== "");
  const kept = scopes.flatMap((scope) => {
    const [type, name = "", ...rest] = scope.split(":");
    if (name === "" && rest.length === 0) return [scope];
    return type === "repository" && names.includes(name) ? [`repository:${name}:pull`] : [];
  });
  return kept.length > 0 ? [...new Set(kept)].join(" ") : `repository:${ownName}:pull`;
}
