import pytest
from common import BASE, KEY, MODEL, QUESTION, population, right, run, weather


def agent(**more):
    from llama_index.core.agent.workflow import FunctionAgent
    from llama_index.llms.openai_like import OpenAILike

    model = OpenAILike(model=MODEL, api_base=BASE, api_key=KEY, is_chat_model=True, is_function_calling_model=True)
    return FunctionAgent(tools=[weather, population], llm=model, **more)


@pytest.mark.cassette("streamed.json")
def test_streamed():
    async def loop():
        return str(await agent().run(QUESTION))

    assert right(run(loop()))


@pytest.mark.cassette("async.json")
def test_async():
    async def loop():
        return str(await agent(streaming=False).run(QUESTION))

    assert right(run(loop()))
