import pytest
from common import BASE, KEY, MODEL, QUESTION, ROOT, population, right, run, weather


def agent(kind="chat"):
    from anthropic import AsyncAnthropic
    from pydantic_ai import Agent
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.anthropic import AnthropicProvider
    from pydantic_ai.providers.openai import OpenAIProvider

    if kind == "anthropic":
        client = AsyncAnthropic(base_url=ROOT, api_key=KEY)
        model = AnthropicModel("claude-sonnet-4-5", provider=AnthropicProvider(anthropic_client=client))
    else:
        model = OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=BASE, api_key=KEY))
    return Agent(model, tools=[weather, population])


@pytest.mark.cassette("whole.json")
def test_whole():
    assert right(agent().run_sync(QUESTION).output)


@pytest.mark.cassette("anthropic.json")
def test_async():
    async def loop():
        return (await agent("anthropic").run(QUESTION)).output

    assert right(run(loop()))


@pytest.mark.cassette("streamed.json")
def test_streamed():
    async def loop():
        async with agent().run_stream(QUESTION) as result:
            return await result.get_output()

    assert right(run(loop()))
