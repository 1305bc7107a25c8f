import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, run, weather


def agent():
    from openai import AsyncOpenAI
    from semantic_kernel.agents import ChatCompletionAgent
    from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
    from semantic_kernel.functions import kernel_function

    class Places:
        @kernel_function(description="Get the weather of a city.")
        def weather(self, city: str) -> str:
            return weather(city)

        @kernel_function(description="Get how many people live in a city.")
        def population(self, city: str) -> str:
            return population(city)

    client = AsyncOpenAI(base_url=BASE, api_key=KEY)
    service = OpenAIChatCompletion(ai_model_id=MODEL, async_client=client)
    return ChatCompletionAgent(service=service, name="guide", instructions="Answer.", plugins=[Places()])


@pytest.mark.cassette("async.json")
def test_async():
    async def loop():
        return str((await agent().get_response(messages=QUESTION)).content)

    assert right(run(loop()))


@pytest.mark.cassette("streamed.json")
def test_streamed():
    async def loop():
        return "".join([str(one.content) async for one in agent().invoke_stream(messages=QUESTION)])

    assert right(run(loop()))
