import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, run, weather


def loop(*, streamed):
    from autogen_agentchat.agents import AssistantAgent
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    async def go():
        client = OpenAIChatCompletionClient(model=MODEL, base_url=BASE, api_key=KEY)
        agent = AssistantAgent(
            "guide",
            client,
            tools=[weather, population],
            max_tool_iterations=5,
            reflect_on_tool_use=True,
            model_client_stream=streamed,
        )
        return (await agent.run(task=QUESTION)).messages[-1].content

    return go()


@pytest.mark.cassette("async.json")
def test_async():
    assert right(run(loop(streamed=False)))


@pytest.mark.cassette("streamed.json")
def test_streamed():
    assert right(run(loop(streamed=True)))
