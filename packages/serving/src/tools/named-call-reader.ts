import { type CallPart } from "./call-reader.js";

const SPACE = /\s/;
const NAME = /^[A-Za-z0-9_.-]{1,64}$/;
const ARGUMENTS_TAG = "[ARGS]";
const ID_TAG = "[CALL_ID]";

/**
 * Reads one call of Mistral's later models, `name[ARGS]{…}`, character by character. Between the two there may be `[CALL_ID]` and an id of the model's own, which is passed over, and
 * `[ARGS]` may be missing, as its control token is where such tokens are not shown.
 */
export class NamedCallReader {
  /** How it stands: `broken` is what is no call after all. */
  state: "reading" | "done" | "broken" = "reading";
  /** All that was read. */
  text = "";
  /** The name is known, so that this is a call, even if it ends early. */
  begun = false;
  private place: "name" | "tag" | "id" | "before" | "arguments" = "name";
  private name = "";
  private tag = "";
  private depth = 0;
  private inString = false;
  private escaped = false;

  push(character: string): CallPart[] {
    this.text += character;
    switch (this.place) {
      case "name":
        return this.inName(character);
      case "tag":
        return this.inTag(character);
      case "id":
        return character === "[" ? this.open(character) : [];
      case "before":
        if (SPACE.test(character)) return [];
        return character === "{" ? this.begin() : this.fail();
      case "arguments":
        return this.inArguments(character);
    }
  }

  private inName(character: string): CallPart[] {
    if (character === "[") return this.open(character);
    if (character === "{") return this.begin();
    this.name += character;
    return NAME.test(this.name) ? [] : this.fail();
  }

  private open(bracket: string): CallPart[] {
    this.place = "tag";
    this.tag = bracket;
    return [];
  }

  private inTag(character: string): CallPart[] {
    this.tag += character;
    if (this.tag === ARGUMENTS_TAG) this.place = "before";
    else if (this.tag === ID_TAG) this.place = "id";
    else if (!ARGUMENTS_TAG.startsWith(this.tag) && !ID_TAG.startsWith(this.tag)) return this.fail();
    return [];
  }

  private begin(): CallPart[] {
    if (this.name === "") return this.fail();
    this.begun = true;
    this.place = "arguments";
    this.depth = 1;
    return [{ name: this.name }, { arguments: "{" }];
  }

  private inArguments(character: string): CallPart[] {
    if (this.escaped) this.escaped = false;
    else if (this.inString && character === "\\") this.escaped = true;
    else if (character === '"') this.inString = !this.inString;
    else if (!this.inString && "{[".includes(character)) this.depth++;
    else if (!this.inString && "}]".includes(character) && --this.depth === 0) this.state = "done";
    return [{ arguments: character }];
  }

  private fail(): CallPart[] {
    this.state = "broken";
    return [];
  }
}
