import pytest
from common import BASE, MODEL, QUESTION, population, right, run, weather

TOOLS = {"weather": weather, "population": population}


def bound():
    from langchain_core.tools import tool
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(model=MODEL, base_url=BASE).bind_tools([tool(one) for one in TOOLS.values()])


def results(message):
    return [("tool", TOOLS[one["name"]](**one["args"]), one["id"]) for one in message.tool_calls]


def more(messages, message):
    from langchain_core.messages import ToolMessage

    return [*messages, message, *(ToolMessage(text, tool_call_id=at) for _, text, at in results(message))]


@pytest.mark.cassette("whole.json")
def test_whole():
    messages = [("user", QUESTION)]
    while (message := bound().invoke(messages)).tool_calls:
        messages = more(messages, message)
    assert right(message.content)


@pytest.mark.cassette("async_streamed.json")
def test_async_streamed():
    async def loop():
        messages = [("user", QUESTION)]
        while True:
            message = None
            async for piece in bound().astream(messages):
                message = piece if message is None else message + piece
            if not message.tool_calls:
                return message.content
            messages = more(messages, message)

    assert right(run(loop()))
