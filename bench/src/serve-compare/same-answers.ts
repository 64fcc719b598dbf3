/** Whether two servers begin their greedy answers alike: that they have the same weights and the same tokens. */
export async function answersAgree(
  urls: readonly string[],
  model: string,
): Promise<{ tokens: number; agree: boolean }> {
  const tokens = 8;
  const texts = await Promise.all(
    urls.map(async (url) => {
      const body = { model, prompt: "It was a dark night.", max_tokens: tokens, temperature: 0, stream: true };
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${url}/v1/completions`, { method: "POST", headers, body: JSON.stringify(body) });
      const events = (await response.text()).trimEnd().split("\n\n").slice(0, -1);
      return events
        .map((event) => JSON.parse(event.slice("data: ".length)) as { choices: { text: string }[] })
        .map(({ choices }) => choices[0]?.text ?? "")
        .join("");
    }),
  );
  return { tokens, agree: new Set(texts).size === 1 };
}
