import os

import pytest
from common import QUESTION, ROOT, population, right, run, weather

os.environ.update(GOOGLE_GEMINI_BASE_URL=ROOT, GOOGLE_GENAI_USE_VERTEXAI="false")


def loop(*, streamed):
    from google.adk.agents import LlmAgent
    from google.adk.agents.run_config import RunConfig, StreamingMode
    from google.adk.runners import InMemoryRunner
    from google.genai import types

    async def go():
        agent = LlmAgent(name="guide", model="gemini-2.5-flash", instruction="Answer.", tools=[weather, population])
        runner = InMemoryRunner(agent=agent, app_name="a")
        session = await runner.session_service.create_session(app_name="a", user_id="u")
        asked = types.Content(role="user", parts=[types.Part(text=QUESTION)])
        config = RunConfig(streaming_mode=StreamingMode.SSE if streamed else StreamingMode.NONE)
        texts = []
        async for event in runner.run_async(user_id="u", session_id=session.id, new_message=asked, run_config=config):
            texts += [part.text for part in (event.content.parts if event.content else ()) or () if part.text]
        return texts[-1]

    return go()


@pytest.mark.cassette("async.json")
def test_async():
    assert right(run(loop(streamed=False)))


@pytest.mark.cassette("streamed.json")
def test_streamed():
    assert right(run(loop(streamed=True)))
