/** One challenge of a WWW-Authenticate header (RFC 9110 section 11.6.1). Names are in lower case, values as sent. */
export interface Challenge {
  scheme: string;
  parameters: ReadonlyMap<string, string>;
}

const tokenPattern = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const token68Pattern = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;
const separatorPattern = /[ \t,]*/y;
const spacePattern = /[ \t]*/y;

/**
 * The challenges in the values of WWW-Authenticate, in their order. A comma may separate challenges, parameters, or
 * stand inside a quoted string; what cannot be read ends the value it stands in.
 */
export function parseChallenges(values: readonly string[]): Challenge[] {
  return values.flatMap(parseValue);
}

function parseValue(value: string): Challenge[] {
  const challenges: Challenge[] = [];
  const scanner = createScanner(value);
  scanner.take(separatorPattern);
  while (!scanner.isAtEnd()) {
    const scheme = scanner.take(tokenPattern);
    if (scheme === "") break;
    const parameters = new Map<string, string>();
    challenges.push({ scheme: scheme.toLowerCase(), parameters });
    scanner.take(spacePattern);
    if (!scanner.isParameterNext()) scanner.take(token68Pattern);
    if (!takeParameters(scanner, parameters)) break;
  }
  return challenges;
}

/** Reads parameters until the next challenge begins; false where the value cannot be read further. */
function takeParameters(scanner: Scanner, parameters: Map<string, string>): boolean {
  for (;;) {
    scanner.take(separatorPattern);
    if (!scanner.isParameterNext()) return true;
    const name = scanner.take(tokenPattern).toLowerCase();
    scanner.takeEquals();
    const value = scanner.takeValue();
    if (value === undefined) return false;
    if (!parameters.has(name)) parameters.set(name, value);
  }
}

type Scanner = ReturnType<typeof createScanner>;

function createScanner(text: string) {
  let position = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = position;
    const match = pattern.exec(text)?.[0] ?? "";
    position += match.length;
    return match;
  };
  const takeQuoted = (): string | undefined => {
    let value = "";
    for (position += 1; position < text.length; position += 1) {
      const character = text.charAt(position);
      if (character === '"') {
        position += 1;
        return value;
      }
      if (character === "\\") position += 1;
      value += text.charAt(position);
    }
    return undefined;
  };
  return {
    take,
    isAtEnd: () => position >= text.length,
    isParameterNext: () => {
      const pattern = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=[ \t]*(?=["!#$%&'*+\-.^_`|~0-9A-Za-z])/y;
      pattern.lastIndex = position;
      return pattern.test(text);
    },
    takeEquals: () => {
      take(/[ \t]*=[ \t]*/y);
    },
    takeValue: (): string | undefined => {
      if (text.charAt(position) === '"') return takeQuoted();
      // Some registries send bare values that hold more than a token may, such as a URL: read on to the comma.
      return take(/[^\s,"]+/y) || undefined;
    },
  };
}
