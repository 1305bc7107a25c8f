import pytest
from common import BASE, KEY, MODEL, QUESTION, run
from pydantic import BaseModel


class Place(BaseModel):
    """Where it is."""

    city: str


ASKED = {"model": MODEL, "response_model": Place, "messages": [{"role": "user", "content": QUESTION}]}


@pytest.mark.cassette("whole.json")
def test_whole():
    import instructor
    import openai

    client = instructor.from_openai(openai.OpenAI(base_url=BASE, api_key=KEY))
    assert client.chat.completions.create(**ASKED).city == "Paris"


@pytest.mark.cassette("async.json")
def test_async():
    import instructor
    import openai

    async def ask():
        client = instructor.from_openai(openai.AsyncOpenAI(base_url=BASE, api_key=KEY))
        return await client.chat.completions.create(**ASKED)

    assert run(ask()).city == "Paris"
