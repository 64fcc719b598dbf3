/**
 * Bytes as the printable characters that byte-level tokenizers write for them (GPT-2's table): the one spelling of a vocabulary in which every token, also a piece of
 * a character, is a string.
 */
export function byteLevel(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += CHARACTERS[byte]!;
  return text;
}

const CHARACTERS: readonly string[] = table();

function table(): string[] {
  const shown = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let more = 0x100;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(shown(byte) ? byte : more++));
}
