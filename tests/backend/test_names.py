from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.backend.names import NameTable, name_table, slash_to_double_underscore
from harness.core.errors import DuplicateToolError
from harness.dialects.providers import PROFILES, profile

AWKWARD = [
    "a/b",
    "a__b",
    "a.b",
    "a:b",
    "a b",
    "__init__",
    "/init/",
    "1tool",
    "-lead",
    "_lead",
    "outil_é",
    "工具",
    "x" * 64,
    "x" * 65,
    "x" * 64 + "/y",
    "x" * 129,
    "y" * 70,
    "",
    "a/b/c",
    "a//b",
    "a_/_b",
    "\ud800",
    "a\n",
]


def tool(name):
    return {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}


def names_of(tools):
    return [one["function"]["name"] for one in tools]


@pytest.mark.parametrize("provider", [*PROFILES, "somebody_new"])
def test_awkward_names_go_out_legal_and_distinct_and_come_home(provider):
    table = name_table(provider, [tool(name) for name in AWKWARD])
    sent = names_of(table.tools([tool(name) for name in AWKWARD]))
    assert all(profile(provider).names.allows(name) for name in sent)
    assert len(set(sent)) == len(AWKWARD)
    assert [table.own_offered(name) for name in sent] == AWKWARD


@given(st.lists(st.text("ab_/.-é1", max_size=5) | st.text(max_size=70), unique=True), st.sampled_from(list(PROFILES)))
def test_any_set_of_names_goes_out_legal_and_distinct_and_comes_home(names, provider):
    rule = profile(provider).names
    table = NameTable.of(names, rule)
    assert all(rule.allows(table.wire[name]) for name in names)
    assert [table.own_offered(table.wire[name]) for name in names] == names
    assert all(table.wire[name] == name for name in names if rule.allows(name))
    assert NameTable.of(names[::-1], rule).wire == table.wire


@pytest.mark.parametrize("provider", list(PROFILES))
def test_a_plain_slash_becomes_two_underscores_and_a_legal_name_stays(provider):
    table = name_table(provider, [tool("text/translate"), tool("web_search"), tool("a/b/c")])
    assert dict(table.wire) == {"text/translate": "text__translate", "web_search": "web_search", "a/b/c": "a__b__c"}


def test_a_slash_gives_way_to_the_name_that_is_legal_already():
    table = name_table("openai", [tool("a/b"), tool("a__b")])
    assert table.wire["a__b"] == "a__b"
    assert table.wire["a/b"] not in ("a__b", "a/b")
    assert table.own_offered("a__b") == "a__b"


def test_a_name_that_equals_the_stamped_name_of_another_stays_its_own():
    stamped = name_table("openai", [tool("a.b")]).wire["a.b"]
    table = name_table("openai", [tool("a.b"), tool(stamped)])
    assert table.wire[stamped] == stamped
    assert table.wire["a.b"] != stamped


def test_the_offered_tools_keep_their_wire_names_as_the_history_grows():
    tools = [tool("a/b")]
    history = [
        {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "a__b", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "name": "a__b", "content": "x"},
        {"role": "user", "name": "a/b", "content": "a person's name is no tool's"},
    ]
    table = name_table("openai", tools, history)
    assert table.wire["a/b"] == "a__b"
    assert table.wire["a__b"] != "a__b"
    sent = table.messages(history)
    assert sent[0]["tool_calls"][0]["function"]["name"] == sent[1]["name"] == table.wire["a__b"]
    assert sent[2]["name"] == "a/b"
    assert table.own_offered(table.wire["a__b"]) is None


def test_one_mapping_serves_tools_choice_calls_and_results():
    tools = [tool("a/b")]
    messages = [
        {"role": "assistant", "tool_calls": [{"id": "1", "type": "function", "function": {"name": "a/b"}}]},
        {"role": "tool", "tool_call_id": "1", "name": "a/b", "content": ""},
        {"role": "assistant", "function_call": {"name": "a/b", "arguments": "{}"}},
        {"role": "function", "name": "a/b", "content": ""},
        {"role": "assistant", "tool_calls": [{"id": "2", "type": "custom", "custom": {"name": "a/b", "input": ""}}]},
    ]
    choice = {"type": "function", "function": {"name": "a/b"}}
    before = copy.deepcopy((tools, messages, choice))
    table = name_table("openai", tools, messages, choice)
    assert names_of(table.tools(tools)) == ["a__b"]
    sent = table.messages(messages)
    assert sent[0]["tool_calls"][0]["function"]["name"] == "a__b"
    assert sent[1]["name"] == "a__b"
    assert sent[2]["function_call"]["name"] == "a__b"
    assert sent[3]["name"] == "a__b"
    assert sent[4]["tool_calls"][0]["custom"]["name"] == "a__b"
    assert table.choice(choice)["function"]["name"] == "a__b"
    assert table.choice("auto") == "auto"
    assert table.choice(None) is None
    assert (tools, messages, choice) == before


def test_other_shapes_of_tools_are_renamed_and_the_providers_own_left_alone():
    tools = [
        {"name": "a/b", "parameters": {}},
        {"type": "custom", "custom": {"name": "c/d"}},
        {"type": "web_search_20250305", "name": "web_search"},
        {"type": "retrieval"},
    ]
    sent = slash_to_double_underscore(tools, "anthropic")
    assert sent[0]["name"] == "a__b"
    assert sent[1]["custom"]["name"] == "c__d"
    assert sent[2:] == tools[2:]
    pinned = name_table("cohere", [{"type": "some_20250305", "name": "some-tool"}, tool("some/tool")])
    assert pinned.own_offered("some-tool") == "some-tool"
    with pytest.raises(DuplicateToolError, match="web_search"):
        slash_to_double_underscore([*tools, tool("web_search")])


def test_two_tools_of_one_name_are_refused_by_name():
    with pytest.raises(DuplicateToolError, match="'a/b'") as raised:
        slash_to_double_underscore([tool("a/b"), tool("c"), tool("a/b")])
    assert raised.value.names == ("a/b",)


def test_the_documented_function_copies_and_never_changes():
    tools = [tool("text/translate")]
    before = copy.deepcopy(tools)
    assert names_of(slash_to_double_underscore(tools)) == ["text__translate"]
    assert tools == before


def space(name, *tools):
    inner = [{"type": "function", "name": one, "parameters": {"type": "object"}} for one in tools]
    return {"type": "namespace", "name": name, "description": "", "tools": inner}


def test_names_in_a_namespace_go_out_mapped_and_come_back():
    tools = [space("crm", "a/b", "get_x"), {"type": "tool_search"}, space("erp", "c/d")]
    table = name_table("openai", tools)
    sent = table.tools(tools)
    assert [[one["name"] for one in tool.get("tools", ())] for tool in sent] == [["a__b", "get_x"], [], ["c__d"]]
    assert (table.own_offered("a__b"), table.own_offered("get_x")) == ("a/b", "get_x")
    assert tools == [space("crm", "a/b", "get_x"), {"type": "tool_search"}, space("erp", "c/d")]
    assert name_table("openai", [space("crm", "crm"), space("empty"), *tools]).own_offered("crm") == "crm"


@pytest.mark.parametrize("others", [[space("erp", "x", "a/b")], [tool("a/b")], [space("crm", "a/b")]])
def test_tools_of_one_name_are_refused_wherever_they_stand(others):
    with pytest.raises(DuplicateToolError) as raised:
        name_table("openai", [space("crm", "a/b", "y"), *others])
    assert raised.value.names == ("a/b",)
