import pytest
from common import BASE, KEY, MODEL, QUESTION, ROOT, population, right, run, weather


def agent(kind="chat"):
    from langchain.agents import create_agent
    from langchain_anthropic import ChatAnthropic
    from langchain_openai import ChatOpenAI

    if kind == "anthropic":
        model = ChatAnthropic(model="claude-sonnet-4-5", base_url=ROOT, api_key=KEY)
    else:
        model = ChatOpenAI(model=MODEL, base_url=BASE, use_responses_api=kind == "responses")
    return create_agent(model, [weather, population])


ASKED = {"messages": [("user", QUESTION)]}


@pytest.mark.cassette("whole.json")
def test_whole():
    assert right(agent().invoke(ASKED)["messages"][-1].content)


@pytest.mark.cassette("async.json")
def test_async():
    assert right(run(agent().ainvoke(ASKED))["messages"][-1].content)


@pytest.mark.cassette("streamed.json")
def test_streamed():
    made = agent().stream(ASKED, stream_mode="messages")
    assert right("".join(str(one.content) for one, _ in made if one.type == "AIMessageChunk"))


@pytest.mark.cassette("responses.json")
def test_responses():
    assert right(agent("responses").invoke(ASKED)["messages"][-1].content)


@pytest.mark.cassette("anthropic.json")
def test_anthropic():
    assert right(agent("anthropic").invoke(ASKED)["messages"][-1].content)
