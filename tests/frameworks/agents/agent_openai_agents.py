import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, run, weather


def agent(kind):
    from agents import Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, function_tool
    from openai import AsyncOpenAI

    model = {"chat": OpenAIChatCompletionsModel, "responses": OpenAIResponsesModel}[kind]
    client = AsyncOpenAI(base_url=BASE, api_key=KEY)
    tools = [function_tool(weather), function_tool(population)]
    return Agent(name="a", instructions="Answer.", tools=tools, model=model(MODEL, client))


@pytest.mark.cassette("whole.json")
def test_whole():
    from agents import Runner

    assert right(Runner.run_sync(agent("responses"), QUESTION).final_output)


@pytest.mark.cassette("chat.json")
def test_async():
    from agents import Runner

    assert right(run(Runner.run(agent("chat"), QUESTION)).final_output)


@pytest.mark.cassette("streamed.json")
def test_streamed():
    from agents import Runner

    async def loop():
        result = Runner.run_streamed(agent("responses"), QUESTION)
        async for _ in result.stream_events():
            pass
        return result.final_output

    assert right(run(loop()))
