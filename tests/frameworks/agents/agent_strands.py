import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, run, weather


def agent():
    from strands import Agent, tool
    from strands.models.openai import OpenAIModel

    model = OpenAIModel(client_args={"api_key": KEY, "base_url": BASE}, model_id=MODEL)
    return Agent(model=model, tools=[tool(weather), tool(population)], callback_handler=None)


@pytest.mark.cassette("streamed.json")
def test_streamed():
    assert right(agent()(QUESTION))


@pytest.mark.cassette("async.json")
def test_async():
    assert right(run(agent().invoke_async(QUESTION)))
