import { writeFile } from "node:fs/promises";
import { isWhittleError } from "@whittle/core";
import { type Chat, type ChatMessage, type Generation } from "@whittle/serving";

export interface ConversationOptions {
  /** A new chat that begins with these messages. */
  readonly begin: (messages: readonly ChatMessage[]) => Chat;
  /** Default: no system message. */
  readonly system?: string;
  /** Parts of answers. */
  readonly write: (text: string) => void;
  /** Everything else that is said. */
  readonly say: (line: string) => void;
}

const help = `/reset          begins anew, with the same system message
/system <text>  sets the system message (none: takes it away) and begins anew
/save <file>    writes the conversation as JSON
/exit           leaves, as Ctrl-D does
Ctrl-C stops an answer.`;

/** A talk in a terminal: lines come in, answers and what commands say go out. */
export class Conversation {
  private chat: Chat;
  private answering: Generation | undefined;

  constructor(private readonly options: ConversationOptions) {
    this.chat = options.begin(this.beginning(options.system ?? ""));
  }

  /** Takes a line: a message, or a command. Resolves when it is dealt with; `false` once the talk is over. */
  async take(line: string): Promise<boolean> {
    const [, name, rest = ""] = /^\/(\w+)\s*(.*)$/s.exec(line.trim()) ?? [];
    if (name === "exit") return false;
    if (name !== undefined) await this.command(name, rest.trim());
    else if (line.trim() !== "") await this.ask(line);
    return true;
  }

  /** Ends the answer under way; what has come of it stays part of the talk. `false` if there is none. */
  stop(): boolean {
    this.answering?.cancel();
    return this.answering !== undefined;
  }

  private async ask(message: string): Promise<void> {
    const { write, say } = this.options;
    try {
      this.answering = this.chat.send(message);
      let reason: string | undefined;
      for await (const { text, finishReason } of this.answering) {
        write(text);
        reason = finishReason;
      }
      write("\n");
      if (reason === "length") say("(cut: no more tokens are allowed or fit)");
    } catch (error) {
      if (!isWhittleError(error)) throw error;
      const remedy = error.code === "context_length_exceeded" ? "; /reset begins anew" : "";
      say(`${error.message}${remedy}`);
    } finally {
      this.answering = undefined;
    }
  }

  private async command(name: string, rest: string): Promise<void> {
    const { begin, say } = this.options;
    if (name === "help") {
      say(help);
    } else if (name === "reset") {
      this.chat = begin(this.chat.messages.filter(({ role }) => role === "system"));
      say("(begun anew)");
    } else if (name === "system") {
      this.chat = begin(this.beginning(rest));
      say(rest === "" ? "(begun anew, without a system message)" : "(begun anew, with that system message)");
    } else if (name === "save" && rest !== "") {
      say(await this.save(rest));
    } else {
      say(`/${name} is no command that can be carried out:\n${help}`);
    }
  }

  private async save(file: string): Promise<string> {
    try {
      await writeFile(file, `${JSON.stringify({ messages: this.chat.messages }, null, 2)}\n`);
      return `(written to ${file})`;
    } catch (error) {
      return `it could not be written: ${(error as Error).message}`;
    }
  }

  private beginning(system: string): ChatMessage[] {
    return system === "" ? [] : [{ role: "system", content: system }];
  }
}
