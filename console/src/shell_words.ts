// Words as a POSIX shell takes them. Pure.

const kPlain = /^[A-Za-z0-9_@%+=:,./-]+$/;

export function quoted(word: string): string {
  if (kPlain.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

export function commandLine(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}
