/** What each official client is seen to do, by name; `clients.test.ts` asks for all of them. */
const checks = new Map();

export const url = process.env.WHITTLE_URL;
/** A server that lets one request run and one wait. */
export const busyUrl = process.env.WHITTLE_BUSY_URL;
export const apiKey = process.env.WHITTLE_API_KEY;
export const model = "books-5m";
export const prompt = "It was a dark night, and";
export const messages = [{ role: "user", content: "Tell me of the sea." }];

/** A schema that a model of any wit can only end within a few tokens. */
export const schema = {
  type: "object",
  properties: { mood: { enum: ["glad", "sad"] }, rainy: { type: "boolean" } },
  required: ["mood", "rainy"],
  additionalProperties: false,
};

export function check(name, run) {
  checks.set(name, run);
}

/** Runs all checks and prints what became of each: name → "ok" or why not. */
export async function report() {
  const results = {};
  for (const [name, run] of checks) {
    try {
      await run();
      results[name] = "ok";
    } catch (error) {
      results[name] = error instanceof Error ? `${error.stack}\n${JSON.stringify(error)}` : String(error);
    }
  }
  console.log(JSON.stringify(results));
}

/** The error that `promise` rejects with. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it succeeded");
}
