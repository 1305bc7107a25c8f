import os

import pytest
from common import BASE, MODEL, QUESTION, population, right, run, weather

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


def agent(**more):
    from haystack.components.agents import Agent
    from haystack.components.generators.chat import OpenAIChatGenerator
    from haystack.tools import create_tool_from_function

    tools = [create_tool_from_function(one) for one in (weather, population)]
    made = Agent(chat_generator=OpenAIChatGenerator(model=MODEL, api_base_url=BASE, **more), tools=tools)
    made.warm_up()
    return made


def asked():
    from haystack.dataclasses import ChatMessage

    return {"messages": [ChatMessage.from_user(QUESTION)]}


@pytest.mark.cassette("whole.json")
def test_whole():
    assert right(agent().run(**asked())["messages"][-1].text)


@pytest.mark.cassette("async.json")
def test_async():
    assert right(run(agent().run_async(**asked()))["messages"][-1].text)


@pytest.mark.cassette("streamed.json")
def test_streamed():
    assert right(agent(streaming_callback=lambda _: None).run(**asked())["messages"][-1].text)
