"""An agent: a model at OPENAI_BASE_URL, and the tools of an MCP server over stdio that `harness mcp --` stands in for."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import urllib.request
from pathlib import Path

from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

SERVER = [sys.executable, str(Path(__file__).with_name("tool_server.py")), "stdio"]


def ask(messages, tools):
    body = {"model": "gpt-4o-mini", "messages": messages, "tools": tools}
    made = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", json.dumps(body).encode())
    made.add_header("content-type", "application/json")
    return json.loads(urllib.request.urlopen(made, timeout=30).read())["choices"][0]["message"]


async def main():
    words = [sys.executable, "-m", "harness", "mcp", "--", *SERVER]
    env = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    async with (
        stdio_client(StdioServerParameters(command=words[0], args=words[1:], env=env)) as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        listed = (await session.list_tools()).tools
        tools = []
        for one in listed:
            schema = getattr(one, "input_schema", None) or one.inputSchema
            tools.append({"type": "function", "function": {"name": one.name, "parameters": schema}})
        messages = [{"role": "user", "content": os.environ.get("QUESTION", "How is Paris?")}]
        while calls := (message := ask(messages, tools)).get("tool_calls"):
            messages.append(message)
            for call in calls:
                given = json.loads(call["function"]["arguments"])
                if city := os.environ.get("CITY"):
                    given["city"] = city
                result = await session.call_tool(call["function"]["name"], given)
                messages.append({"role": "tool", "tool_call_id": call["id"], "content": result.content[0].text})
        print(message["content"])


asyncio.run(main())
