// Ask a server through the official Node packages, whole, streamed and gathered from a stream by the package's own
// helper, and print what they return as JSON: node clients.mjs BASE-URL. PACKAGES is where the packages are.
import { createRequire } from "node:module";
import { join } from "node:path";

const packages = createRequire(join(process.env.PACKAGES, "package.json"));
const OpenAI = packages("openai").default ?? packages("openai");
const Anthropic = packages("@anthropic-ai/sdk").default ?? packages("@anthropic-ai/sdk");
const [base] = process.argv.slice(2);
const schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const messages = [{ role: "user", content: "Weather in Zürich?" }];
const all = async (stream) => {
  const found = [];
  for await (const one of stream) found.push(one);
  return found;
};

const openai = new OpenAI({ baseURL: `${base}/v1`, apiKey: "none", maxRetries: 0 });
const anthropic = new Anthropic({ baseURL: base, apiKey: "none", maxRetries: 0 });
const ask = { model: "m", max_tokens: 9, messages };
const chat = { ...ask, tools: [{ type: "function", function: { name: "get_weather", parameters: schema } }] };
const message = { ...ask, tools: [{ name: "get_weather", input_schema: schema }] };

const asked = {
  "openai whole": () => openai.chat.completions.create(chat),
  "openai stream": async () => all(await openai.chat.completions.create({ ...chat, stream: true })),
  "openai gathered": () => openai.chat.completions.stream(chat).finalChatCompletion(),
  "anthropic whole": () => anthropic.messages.create(message),
  "anthropic stream": async () => all(await anthropic.messages.create({ ...message, stream: true })),
  "anthropic gathered": () => anthropic.messages.stream(message).finalMessage(),
};
const given = {};
for (const [name, answer] of Object.entries(asked)) {
  try {
    given[name] = await answer();
  } catch (error) {
    given[name] = { error: error.constructor.name, status: error.status };
  }
}
console.log(JSON.stringify(given));
