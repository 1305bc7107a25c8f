"""Suites as users write them, right and wrong, through the public door."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pydantic
import pytest

from harness.core.errors import SuiteError, UsageError
from harness.suite import Model, Suite, load_suites
from harness.suite.validation_errors import MOST_FAULTS, from_file

TOOL = "{name: a/b, parameters: {type: object, properties: {x: {type: integer}}}}"
LEAST = "models: [openai/m]\ncases:\n  - id: one\n    messages: [{user: hi}]\n"


def written(folder: Path, text: str | bytes, name: str = "some.yaml") -> Path:
    file = folder / name
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def load(folder: Path, text: str) -> Suite:
    (suite,) = load_suites([written(folder, text)])
    return suite


def problems(folder: Path, text: str | bytes) -> list[str]:
    file = written(folder, text)
    with pytest.raises(SuiteError) as caught:
        load_suites([file])
    return [problem.removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_the_least_suite(tmp_path):
    suite = load(tmp_path, LEAST)
    assert suite.name == "some"
    assert suite.models == (Model(name="m", backend="openai"),)
    assert [message.wire() for message in suite.cases[0].messages] == [{"role": "user", "content": "hi"}]


def test_defaults_and_tools_of_the_suite_reach_its_cases(tmp_path):
    suite = load(
        tmp_path,
        f"models: [openai/m]\ntools: [{TOOL}]\ndefaults: {{temperature: 0, stream: true}}\ncases:\n"
        "  - {id: one, messages: [{user: hi}], tools: [a/b]}\n"
        "  - {id: two, messages: [{user: hi}], stream: false, tools: [{type: function, function: {name: c}}]}\n",
    )
    one, two = suite.cases
    assert (one.temperature, one.stream, two.temperature, two.stream) == (0, True, 0, False)
    assert one.offered[0]["function"]["name"] == "a/b"
    assert two.offered == ({"type": "function", "function": {"name": "c"}},)


def test_shared_models_by_label_by_id_and_all(tmp_path):
    written(
        tmp_path,
        "models:\n  - {name: m, backend: openai, hostname: 'http://127.0.0.1:1/v1', label: here}\n"
        "  - {name: n, backend: anthropic, hostname: 'http://127.0.0.1:1'}\n",
        "models.yaml",
    )
    by_name = load(tmp_path, LEAST.replace("[openai/m]", "[here, anthropic/n, groq/x]"))
    assert [(model.called, model.hostname) for model in by_name.models] == [
        ("here", "http://127.0.0.1:1/v1"),
        ("anthropic/n", "http://127.0.0.1:1"),
        ("groq/x", None),
    ]
    every = load(tmp_path, LEAST.removeprefix("models: [openai/m]\n"))
    assert [model.called for model in every.models] == ["here", "anthropic/n"]


def test_a_provider_is_not_prefixed_twice():
    assert Model(name="openai/m", backend="openai").id == Model(name="m", backend="openai").id == "openai/m"


def test_words_that_yaml_would_change_stay_text(tmp_path):
    suite = load(tmp_path, LEAST + "    expect: {text: {contains: [no, 2026-01-01, 0123, 12:30, off]}}\n")
    assert suite.cases[0].expect.text.contains == ("no", "2026-01-01", "0123", "12:30", "off")


def test_a_folder_gives_its_files_in_order_without_models_yaml(tmp_path):
    written(tmp_path, LEAST, "b.yaml")
    written(tmp_path, LEAST, "a.yml")
    written(tmp_path, "models: [{name: m, backend: openai}]", "models.yaml")
    assert [suite.name for suite in load_suites([tmp_path, tmp_path / "a.yml"])] == ["a", "b"]


def test_all_faults_of_all_files_are_told_at_once(tmp_path):
    written(tmp_path, LEAST.replace("id: one", "id: one two"), "a.yaml")
    written(
        tmp_path,
        "models: [gpt-4]\ntools: [{name: t, parameters: {type: objekt}}]\ncases:\n"
        "  - id: x\n    messages: [{user: 1}]\n    expct: {}\n"
        "  - id: X\n    messages: [{user: hi}]\n    stream: yes\n"
        "    expect:\n      finish: never\n      calls: [{name: zz}]\n      text: {regex: '('}\n",
        "b.yaml",
    )
    with pytest.raises(SuiteError) as caught:
        load_suites([tmp_path, tmp_path / "nowhere"])
    told = "\n".join(caught.value.problems)
    for part in (
        f"{tmp_path}/nowhere: no such file",
        "a.yaml:3: ",
        'b.yaml:2: tools[0].parameters.type: not a JSON schema: "objekt"'.replace('"objekt"', "'objekt'"),
        'b.yaml:5: case "x": messages[0].user: must be text or a list, not 1',
        'b.yaml:6: case "x": expct: unknown key "expct"; did you mean "expect"?',
        'b.yaml:7: case "X": id: the id "X" is taken by the case in line 4',
        'b.yaml:9: case "X": stream: must be true or false, not "yes"',
        'b.yaml:11: case "X": expect.finish: must be ',
        'b.yaml:12: case "X": expect.calls[0].name: no tool "zz" is offered',
        'b.yaml:13: case "X": expect.text.regex: not a regular expression',
    ):
        assert part in told
    assert len(caught.value.problems) == 10


def test_a_misspelt_key_is_reported_once(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("models: [openai/m]\ncases:\n  - id: x\n    message: [{user: hi}]\n")
    with pytest.raises(SuiteError) as caught:
        load_suites([file])
    (told,) = caught.value.problems
    assert told.endswith('a.yaml:4: case "x": message: unknown key "message"; did you mean "messages"?')


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "some.yaml:1: the file is empty"),
        ("# only a comment\n", "some.yaml:1: the file is empty"),
        ("- a\n", "some.yaml:1: a suite is a mapping that holds `cases:`"),
        ("cases: [\n", "this is not YAML"),
        ("a: b: c\n", "some.yaml:1: this is not YAML"),
        ("cases:\n\t- id: x\n", "some.yaml:2: a tab indents this line"),
        ("<<<<<<< HEAD\ncases: []\n=======\n", "some.yaml:1: this is the mark of a merge conflict"),
        (b"\xff\xfea\x00", "this is not UTF-8"),
        ("a: \x00", "this is not YAML"),
        ("a: 1\n---\nb: 1\n", "some.yaml:2: a second document starts here"),
        ("a: " + "[" * 2000, ""),
        ("[" * 200_000, ""),
        ("a: &a [*a]\n", "*a is not defined above this line"),
        ("cases: !!python/object:os.system x\n", "the tag tag:yaml.org,2002:python/object:os.system is not read"),
        (LEAST + "cases: []\n", 'some.yaml:5: "cases" stands here twice, first in line 2'),
        (LEAST + "<<: {}\n", "some.yaml:5: merge keys (<<) are not read"),
        (LEAST + "    temperature: 1e999\n", "is too large for a number"),
        (LEAST + f"    max_tokens: {'9' * 5000}\n", "a number of 5000 characters"),
        (LEAST + "    expect:\n      calls:\n", 'some.yaml:6: case "one": expect.calls: "calls" has nothing after it'),
        (LEAST.replace("openai/m", "gpt"), 'some.yaml:1: models[0]: model "gpt" has no provider'),
        (LEAST.replace("openai/m", "o- penai/m"), 'some.yaml:1: models[0]: model "o- penai/m" has no provider'),
        ("models: [openai/m]\ncases: {a: {x: {y: 1, y: 2}}}\n", 'some.yaml:2: case "a"'),
        (LEAST.removeprefix("models: [openai/m]\n"), "some.yaml:1: no models"),
        (LEAST.replace("[openai/m]", "[openai/m, openai/M]"), "stands here twice"),
        (LEAST + "    then: [{}]\n", "then[0]: a turn needs `results` or `messages`"),
        (LEAST + "    expect: {error: Oops}\n", 'no error "Oops"'),
        (LEAST + "    expect: {error: RateLimitError, no_calls: true}\n", "an error is expected"),
        (LEAST + "    tools: [a]\n", 'the suite has no tool "a"'),
        (LEAST + "    tool_choice: {name: a}\n", 'no tool "a" is offered'),
        (LEAST.replace("[{user: hi}]", "[]"), "messages: must not be empty"),
        (LEAST + "world: {name: 2026-01-01}\n", '"2026-01-01" must be a world of the package'),
        (LEAST + "world: {name: shop, check: mine}\n", '"mine" must be a function of your own, as module:name'),
        (LEAST.replace("[{user: hi}]", "[{role: tool, content: x}]"), "needs the `tool_call_id`"),
    ],
)
def test_each_mistake_is_one_clear_sentence(tmp_path, text, sentence):
    told = problems(tmp_path, text)
    assert any(sentence in problem for problem in told), told
    assert all(problem.startswith("some.yaml:") and "\n" not in problem for problem in told)


def test_an_alias_bomb_is_refused_quickly(tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more than 200,000 values" in problems(tmp_path, "\n".join(lines))[0]


def test_an_alias_stands_for_the_value_above(tmp_path):
    suite = load(tmp_path, LEAST.replace("[{user: hi}]", "&m [{user: hi}]") + "  - {id: two, messages: *m}\n")
    assert suite.cases[0].messages == suite.cases[1].messages


def test_two_suites_of_one_name(tmp_path):
    written(tmp_path, "name: same\n" + LEAST, "a.yaml")
    written(tmp_path, "name: Same\n" + LEAST, "b.yaml")
    with pytest.raises(SuiteError, match=r'the suite "Same" is called so in .*a\.yaml too'):
        load_suites([tmp_path])


def test_a_broken_models_file_is_told_with_its_line(tmp_path):
    written(tmp_path, "models:\n  - {name: m, backend: openai, hostname: localhost}\n", "models.yaml")
    with pytest.raises(SuiteError) as caught:
        load_suites([written(tmp_path, LEAST)])
    assert caught.value.problems == (
        f'{tmp_path}/models.yaml:2: models[0].hostname: "localhost" must begin with http:// or https://',
    )


def test_a_folder_that_cant_be_read_is_told_in_a_sentence(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(SuiteError) as caught:
        load_suites([tmp_path])
    assert caught.value.problems == (f"{tmp_path}: can't be read: Permission denied",)


def test_no_branch_of_a_union_is_named_as_a_key(tmp_path):
    (tmp_path / "a.yaml").write_text("models: [{backend: openai, nam: x}]\ncases: []\n")
    with pytest.raises(SuiteError) as caught:
        load_suites([tmp_path])
    told = "\n".join(caught.value.problems)
    assert 'models[0].nam: unknown key "nam"; did you mean "name"?' in told
    assert ".str" not in told


class Rule(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")
    fault: Literal["cut"]


class OtherRule(pydantic.BaseModel):
    fault: Literal["drip"]


RULES = pydantic.TypeAdapter(list[Annotated[Rule | OtherRule, pydantic.Field(discriminator="fault")]])


def faults(tmp_path, text):
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(UsageError) as caught:
        from_file(RULES, tmp_path / "rules.yaml")
    return str(caught.value).splitlines()


def test_a_tag_is_shown_as_the_file_has_it(tmp_path):
    found = faults(tmp_path, '- {fault: null}\n- {fault: true}\n- {fault: "None"}\n- {fault: 3}\n')
    assert [one.split(": ", 2)[2].split(" is no")[0] for one in found] == ["nothing", "true", '"None"', "3"]


def test_a_line_end_in_a_key_does_not_split_the_sentence(tmp_path):
    (found,) = faults(tmp_path, '- {fault: cut, "a\\nb": 1}\n')
    assert found.endswith('[0].a\\nb: unknown key "a\\nb"')


def test_of_very_many_faults_some_are_listed_and_the_rest_counted(tmp_path):
    found = faults(tmp_path, "- {fault: nope}\n" * 3000)
    assert (len(found), found[-1]) == (MOST_FAULTS + 1, f"and {3000 - MOST_FAULTS:,} more; mend these first")
