import os

import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, run, weather

os.environ["AGNO_TELEMETRY"] = "false"


def agent():
    from agno.agent import Agent
    from agno.models.openai import OpenAIChat

    return Agent(model=OpenAIChat(id=MODEL, base_url=BASE, api_key=KEY), tools=[weather, population], telemetry=False)


@pytest.mark.cassette("whole.json")
def test_whole():
    assert right(agent().run(QUESTION).content)


@pytest.mark.cassette("async.json")
def test_async():
    assert right(run(agent().arun(QUESTION)).content)


@pytest.mark.cassette("streamed.json")
def test_streamed():
    assert right("".join(str(one.content or "") for one in agent().run(QUESTION, stream=True)))
