import { compileGlob, type Glob } from "../oci/index.ts";
import { anonymous, type Principal } from "./principal.ts";

/** What a user may pull: globs over `<upstream>/<repository>`. */
export interface AccessRule {
  /** A user of the htpasswd file, `*` for all of them, or `anonymous` for everybody. */
  readonly user: string;
  readonly allow: readonly string[];
  readonly deny: readonly string[];
}

interface CompiledRule {
  user: string;
  allow: Glob[];
  deny: Glob[];
}

/** Whether a principal may pull `<upstream>/<repository>`: some rule that is about it allows that, and none denies it. */
export type RuleBook = (principal: Principal, image: string) => boolean;

/** Without rules every user may pull everything, and nobody else anything. */
export function createRuleBook(rules: readonly AccessRule[] | undefined): RuleBook {
  if (!rules) return (principal) => principal !== anonymous;
  const compiled = rules.map(({ user, allow, deny }): CompiledRule => {
    return { user, allow: allow.map(compileGlob), deny: deny.map(compileGlob) };
  });
  return (principal, image) => {
    const own = compiled.filter(({ user }) => isAbout(user, principal));
    const isNamed = (globs: readonly Glob[]): boolean => globs.some((glob) => glob.matches(image));
    return own.some(({ allow }) => isNamed(allow)) && !own.some(({ deny }) => isNamed(deny));
  };
}

function isAbout(user: string, principal: Principal): boolean {
  if (user === "anonymous") return true;
  return principal !== anonymous && (user === "*" || user === principal.user);
}
