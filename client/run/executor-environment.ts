/** What user code sees of this process's environment: where programs are and how people here write, and no secrets. */
const SEEN = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'GRISTMILL_GATES'];

export function executorEnvironment(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const name of SEEN) {
    const value = environment[name];
    if (value !== undefined) seen[name] = value;
  }
  return seen;
}
