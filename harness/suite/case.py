"""What a suite file holds: suites, cases, turns, tools, messages and models.

The field comments become the descriptions in the JSON schema that editors read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag

from harness.core.chat import Json
from harness.core.expectation import Expectation

ID_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
URL_PATTERN = r"^https?://\S+$"
PROVIDER_PATTERN = r"^[^/\s]+$"
WORLD_PATTERN = r"^[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?$"
FUNCTION_PATTERN = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"
VARIABLE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

Id: TypeAlias = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
"""A name that is also a file's name."""


Kind: TypeAlias = Literal["regression", "evaluation"]


class Strict(BaseModel):
    """No unknown keys, no guessed types, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Model(Strict):
    """A model to ask, and where. Keys are never written here: litellm takes them from the environment."""

    name: str = Field(min_length=1)
    """The model's name at its provider, such as `gpt-4o-mini`."""
    backend: str = Field(min_length=1, pattern=PROVIDER_PATTERN)
    """The provider, as litellm writes it, such as `openai`."""
    hostname: str | None = Field(default=None, pattern=URL_PATTERN)
    """The base URL, where it is not the provider's own: `http://127.0.0.1:8790/v1`."""
    api_key_env: str | None = Field(default=None, pattern=VARIABLE_PATTERN)
    """The environment variable that holds the key, where it is not the provider's usual one."""
    label: str | None = Field(default=None, min_length=1)
    """What reports and cassettes call it; by default `backend/name`."""
    named_only: bool = False
    """Asked only where it is named: by a suite's `models`, or on the command line."""
    thinking_tokens: int = Field(default=0, ge=0)
    """Tokens that an evaluation allows it beyond each case's limit, for what it thinks before it answers."""

    @property
    def id(self) -> str:
        """``provider/model``; a name that carries its provider already is not prefixed again."""
        return self.name if self.name.startswith(f"{self.backend}/") else f"{self.backend}/{self.name}"

    @property
    def called(self) -> str:
        """Its name in reports, cassette paths and ``--model``."""
        return self.label or self.id


class ShortTool(Strict):
    """A tool: its name, what it does, and the JSON schema of its parameters."""

    name: str
    """Any name; the backend makes it legal for each provider and turns it back."""
    description: str | None = None
    parameters: dict[str, Json] | None = None
    """A JSON schema of type object."""
    strict: bool | None = None

    def wire(self) -> dict[str, Json]:
        """The tool as OpenAI writes it."""
        return {"type": "function", "function": self.model_dump(exclude_none=True)}


class OpenAITool(Strict):
    """A tool in OpenAI's own shape."""

    type: Literal["function"]
    function: ShortTool

    @property
    def name(self) -> str:
        return self.function.name

    def wire(self) -> dict[str, Json]:
        return self.function.wire()


def _tool_shape(value: Any) -> str:
    if isinstance(value, str):
        return "name of a tool of the suite"
    return "OpenAI's shape" if isinstance(value, dict) and "function" in value else "short form of a tool"


Tool: TypeAlias = Annotated[
    Annotated[ShortTool, Tag("short form of a tool")] | Annotated[OpenAITool, Tag("OpenAI's shape")],
    Discriminator(_tool_shape),
]
OfferedTool: TypeAlias = Annotated[
    Annotated[str, Tag("name of a tool of the suite")]
    | Annotated[ShortTool, Tag("short form of a tool")]
    | Annotated[OpenAITool, Tag("OpenAI's shape")],
    Discriminator(_tool_shape),
]


class UserMessage(Strict):
    """`user: what is asked`."""

    user: str | list[dict[str, Json]]

    def wire(self) -> dict[str, Json]:
        return {"role": "user", "content": self.user}


class SystemMessage(Strict):
    """`system: the standing instructions`."""

    system: str

    def wire(self) -> dict[str, Json]:
        return {"role": "system", "content": self.system}


class AssistantMessage(Strict):
    """`assistant: what the model said earlier`."""

    assistant: str

    def wire(self) -> dict[str, Json]:
        return {"role": "assistant", "content": self.assistant}


class OpenAIMessage(Strict):
    """A message in OpenAI's own shape, for histories with calls and results."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Json]] | None = None
    name: str | None = None
    tool_calls: list[dict[str, Json]] | None = None
    tool_call_id: str | None = None

    def wire(self) -> dict[str, Json]:
        return {key: value for key, value in self.model_dump().items() if key in self.model_fields_set}


_SHORT = ("user", "system", "assistant")


def _message_shape(value: Any) -> str:
    words = value if isinstance(value, dict) else {}
    return next((f"{word} message" for word in _SHORT if word in words), "OpenAI's shape")


Message: TypeAlias = Annotated[
    Annotated[UserMessage, Tag("user message")]
    | Annotated[SystemMessage, Tag("system message")]
    | Annotated[AssistantMessage, Tag("assistant message")]
    | Annotated[OpenAIMessage, Tag("OpenAI's shape")],
    Discriminator(_message_shape),
]


class NamedTool(Strict):
    """`tool_choice` of one tool, by its name."""

    name: str


class Options(Strict):
    """How to ask. A turn's own words go before its case's, and those before the suite's `defaults`."""

    tool_choice: Literal["auto", "none", "required"] | NamedTool | None = None
    """`auto`, `none`, `required`, or `{name: a tool}`."""
    temperature: int | float | None = Field(default=None, ge=0)
    max_tokens: int | None = Field(default=None, gt=0)
    return_type: Literal["text", "json"] | None = None
    """`json` asks for JSON in the way that the provider understands."""
    response_format: dict[str, Json] | None = None
    """Handed on as it stands, such as `{type: json_schema, json_schema: {…}}`."""
    stream: bool | None = None
    """Take the answer as a stream; the decoded answer must be the same."""
    options: dict[str, Json] | None = None
    """Any further argument of litellm's `completion`, such as `{top_p: 0.9, seed: 1}`."""


class Turn(Options):
    """One more question in the same conversation, after an answer."""

    results: dict[str, Json] | list[Json] | None = None
    """What the calls of the answer gave: by tool name (`"*"` for any other), or a list in the order of the
    calls. Text goes out as it stands, anything else as JSON."""
    messages: tuple[Message, ...] = ()
    """What is said next, after the results."""
    expect: Expectation = Expectation()


class InWorld(Strict):
    """A world, and how a task is played in it."""

    name: str = Field(pattern=WORLD_PATTERN)
    """One of the package (`calendar`, `files`, `shop`, `tickets`), or your own as `module:Class`."""
    seed: int = 0
    """What the world begins with; the same for the same seed."""
    steps: int = Field(default=12, ge=1, le=100)
    """How often the model is asked at most."""
    check: str | None = Field(default=None, pattern=FUNCTION_PATTERN)
    """A function `module:name` of your own: it is given the final state and returns None, or what is wrong with it."""


class Case(Options):
    """One conversation, and what is expected of each answer in it."""

    id: Id
    description: str = ""
    messages: tuple[Message, ...] = Field(min_length=1)
    tools: tuple[OfferedTool, ...] = ()
    """The tools offered: in the short form, in OpenAI's shape, or the name of one of the suite's `tools`."""
    world: str | InWorld | None = None
    """A world whose tools the model may call until it answers without a call: a name, or a mapping with `name`, `seed`,
    `steps` and `check`. `expect` is about the last answer and the state that the task leaves."""
    wrong_key: bool = False
    """Ask with a key that no provider accepts, to see the refusal."""
    expect: Expectation = Expectation()
    """What the first answer must be."""
    then: tuple[Turn, ...] = ()
    """Further turns: the answer is put into the conversation, then the results and messages given here."""

    @property
    def offered(self) -> tuple[dict[str, Json], ...]:
        """The tools in OpenAI's shape; the loader has put the suite's own in for their names."""
        return tuple(tool.wire() for tool in self.tools if not isinstance(tool, str))

    @property
    def in_world(self) -> InWorld | None:
        """The world with its defaults."""
        return InWorld(name=self.world) if isinstance(self.world, str) else self.world


class SuiteFile(Strict):
    """A suite as it is written: one file, cases that belong together."""

    name: Id | None = None
    """By default the file's name without its ending."""
    description: str = ""
    kind: Kind = "regression"
    """`regression`: what must hold, replayed by `harness run`. `evaluation`: what a model should do, scored by
    `harness eval`, and run only where it is named."""
    models: tuple[str | Model, ...] = ()
    """Who is asked: `provider/model`, a label or id of models.yaml, or a mapping. Left out: all of models.yaml."""
    defaults: Options = Options()
    """Options of every case that doesn't give its own."""
    tools: tuple[Tool, ...] = ()
    """Tools that cases may offer by name."""
    world: str | InWorld | None = None
    """The world of every case that doesn't give its own."""
    cases: tuple[Case, ...] = Field(min_length=1)


class ModelsFile(Strict):
    """The file models.yaml, beside the suites: models that they share."""

    models: tuple[Model, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Suite:
    """A suite ready to be run: models and tools are put in for their names, defaults into the cases."""

    name: str
    description: str
    file: str
    models: tuple[Model, ...]
    cases: tuple[Case, ...]
    kind: Kind = "regression"
