// An agent with two tools over the official OpenAI and Anthropic packages: base URLs and keys from the environment.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.PACKAGES}/`);
const OpenAI = require("openai").default ?? require("openai");
const Anthropic = require("@anthropic-ai/sdk").default ?? require("@anthropic-ai/sdk");
const place = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const tools = { weather: ({ city }) => `sunny in ${city}`, population: ({ city }) => `2 million in ${city}` };
const question = process.env.QUESTION ?? "How is the weather in Paris, and how many live there?";

async function openai() {
  const client = new OpenAI();
  const messages = [{ role: "user", content: question }];
  const offered = Object.keys(tools).map((name) => ({ type: "function", function: { name, parameters: place } }));
  for (;;) {
    const stream = client.chat.completions.stream({ model: "gpt-4o-mini", messages, tools: offered });
    const { message } = (await stream.finalChatCompletion()).choices[0];
    messages.push(message);
    if (!message.tool_calls?.length) return message.content;
    for (const call of message.tool_calls) {
      const given = JSON.parse(call.function.arguments);
      messages.push({ role: "tool", tool_call_id: call.id, content: tools[call.function.name](given) });
    }
  }
}

async function anthropic() {
  const client = new Anthropic();
  const messages = [{ role: "user", content: question }];
  const offered = Object.keys(tools).map((name) => ({ name, input_schema: place }));
  for (;;) {
    const reply = await client.messages.create({ model: "claude-sonnet-4-5", max_tokens: 99, messages, tools: offered });
    messages.push({ role: "assistant", content: reply.content });
    if (reply.stop_reason !== "tool_use") return reply.content[0].text;
    const calls = reply.content.filter((one) => one.type === "tool_use");
    const results = calls.map((one) => ({ type: "tool_result", tool_use_id: one.id, content: tools[one.name](one.input) }));
    messages.push({ role: "user", content: results });
  }
}

console.log(JSON.stringify([await openai(), await anthropic()]));
