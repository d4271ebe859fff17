/** Shorter ones are refused for their length. */
const minLength = 8;

let known: Promise<ReadonlySet<string>> | undefined;

/**
 * Whether a password is among those that are guessed first: some 18,000 of at least eight characters, without regard to
 * letter case. The list is loaded when it is first needed, which takes about 100 ms.
 */
export async function isCommonPassword(password: string): Promise<boolean> {
  known ??= load();
  return (await known).has(password.normalize('NFKC').toLowerCase());
}

async function load(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  const passwords = dictionary['passwords-common'];
  return new Set(passwords.filter((password) => password.length >= minLength));
}
