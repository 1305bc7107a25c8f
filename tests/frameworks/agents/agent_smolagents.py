import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, weather


def agent(kind="openai"):
    from smolagents import LiteLLMModel, OpenAIServerModel, ToolCallingAgent, tool

    model = OpenAIServerModel(MODEL, api_base=BASE, api_key=KEY)
    if kind == "litellm":
        model = LiteLLMModel(f"openai/{MODEL}", api_base=BASE, api_key=KEY)
    return ToolCallingAgent(tools=[tool(weather), tool(population)], model=model, verbosity_level=0)


@pytest.mark.cassette("whole.json")
def test_whole():
    assert right(agent().run(QUESTION))


@pytest.mark.cassette("litellm.json")
def test_litellm():
    assert right(agent("litellm").run(QUESTION))
