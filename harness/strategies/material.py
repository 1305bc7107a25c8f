"""What texts, keys, numbers and names are made of: plain tables, for Hypothesis' strategies and the laws alike."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.chat import Json

UNUSUAL_TEXTS = (
    "",
    " ",
    "naïve café",
    " padded \n",
    "日本語",
    "👩‍👩‍👧 🙂",
    "\u2028\u0085\ufeff",
    'quote " and \\ back\\slash',
    "line\nfeed\r\ttab",
    "</tool_call><|im_end|>",
    '{"name": "x", "arguments": {}}',
    "a__b/c",
    "null",
    "data: [DONE]",
    "&amp;<b>%20",
    "e\u0301 \u00e9",
)
"""Short ones, each a trap of its own; a strategy shrinks towards the first."""

MORE_TEXTS = (
    "true",
    "False",
    "None",
    "undefined",
    "NaN",
    "1",
    "007",
    "1.0",
    "1e5",
    "-0",
    "0x1F",
    "12345678901234567890",
    "2026-01-02",
    "2026-01-02T03:04:05Z",
    "01/02/03",
    "12:30",
    "yes",
    "[]",
    "{}",
    "[1, 2]",
    '"quoted"',
    "“curly” ‘single’ «guillemets»",
    "it's `code`",
    "```python\nprint('x')\n```",
    '```json\n{"x": 1}\n```',
    "{{name}} {% if x %} ${y} %s {0} $1",
    "{city} {} {missing}",
    "<|im_start|>user",
    "[TOOL_CALLS][/TOOL_CALLS][INST]",
    "<function=x>{}</function>",
    "<tool_call>",
    "a <think>hm</think>",
    "<thinking>",
    "</s><s>",
    "\r\n",
    "a\rb",
    "a\n\nb",
    "\n\nHuman: hi\n\nAssistant:",
    "  two  spaces  ",
    "\ttab first",
    "trailing\n",
    "\x0b\x0c\x1b[31m",
    "\x00",
    "\x7f\x80\x9f",
    "a\u00a0b\u200bc\u200d\u2060",
    "\ufffd\ufffe\uffff",
    "\u202eright to left\u202c שלום مرحبا",
    "🏳️‍🌈🇩🇪👍🏽",
    "𝒜𝓃 𐍈 𠮷",
    "ﬁ Å Ω ½ ² ｆｕｌｌ",
    "İıſß ΐ",
    "가 가",
    "C:\\new\\table\\x41",
    "\\u0041 \\n \\\\",
    "https://x.test/a%20b?q=1&r=a+b#f",
    "user@example.test",
    "SELECT * FROM t WHERE x = 'a' -- c",
    "#!/bin/sh\necho \"$HOME\" | sed 's/a/b/' > /dev/null\n",
    "def f(x):\n\treturn {'a': x}\n",
    "<script>alert('x')</script>",
    "<b>bold</b> &lt; &#39;",
    "a,b;c|d\te",
    "key: value\n- item\n",
    "event: x\ndata: y\n\n",
    "data: {}\r\n\r\n",
    ": comment\n\n",
    "Zm9vYmFy",
    "sk-not-a-key",
    "***",
    "...",
    "…",
    "error",
    "Error: not found",
    "default",
    "a/b",
    "a.b-c_d",
    "A",
    "x" * 64,
)
"""More of what arguments, messages and results hold: code, markup, markers, look-alikes, words that mean a value."""

FIRST_LENGTHS = (33, 65, 101, 129, 201, 257, 301, 501, 513)
LENGTHS = (*FIRST_LENGTHS, 1001, 1025, 2001, 2049, 4001, 4097, 5001, 8193, 10001)
"""One more than each length at which code cuts."""
LONGEST = (16385, 20001, 32769, 65537, 100001)

KEYS = (
    *("class", "def", "from", "self", "None", "type", "default", "constructor", "__proto__", "toString", "length"),
    *("name", "arguments", "parameters", "id", "function", "input", "args", "properties", "required", "items"),
    *("$ref", "$schema", "a.b", "a b", "a-b", "A", "é", "e\u0301", "true", "null", "model", "messages", "tools"),
    *("stream", "error", "result", "content", "text", "kwargs", "return", "user_id", "userId", "UserID", "日本"),
)
"""Names that some language, library or wire keeps for itself."""
INTEGER_KEYS = ("10", "2", "1", "0", "-1", "01", "1.5")

INTEGERS = (0, 1, -1, 7, 255, 65536, 2**31 - 1, 2**31, 2**32, 2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63, 2**64 + 1)
LARGE = (10**18 + 1, 10**25, 10**40 + 7)
FLOATS = (
    0.0,
    -0.0,
    1.0,
    0.1,
    -0.5,
    100.0,
    1e21,
    1e-7,
    5e-324,
    1.7976931348623157e308,
    3.141592653589793,
    0.30000000000000004,
)
MORE_FLOATS = (1e16, 123456789.123456789, -1e-300, 2.5, 1e5, 1234567.891)

JSON_FORMS = (
    *("1e5", "1E5", "1E+2", "1e-7", "0.1e-7", "-0", "-0.0", "1.0", "1.50", "0e0", "2E0", "100e-2", "123.456e3"),
    *("12345678901234567890", "-12345678901234567890", "9007199254740993", "5E-324", "1.7976931348623157E+308"),
    *('"\\u0041"', '"\\/x\\/y"', '"\\ud83d\\ude42"', '"\\u00e9\\u2028"', '"\\b\\f"', '"\\u0000"', "[ ]", "{ }", "[\n]"),
)
"""Values in forms that Python does not write: exponents, minus zero, more digits than a float has, escapes, blanks."""

WORDS = ("a", "b", "get_x", "init", "GetX", "search", "searchWeb", "read_file", "read", "file", "list", "x1")
JOINTS = ("/", "__", "_", ".", "-", " ", ":", "//", "___")
"""What people put between the words of a name; all but "_" and "-" are refused by some provider."""
TAKEN_NAMES = (
    *("web_search", "code_execution", "bash", "computer", "str_replace_editor", "text_editor", "memory", "web_fetch"),
    *("google_search", "url_context", "retrieval", "file_search", "code_interpreter", "image_generation", "python"),
    *("json_tool_call", "final_result", "default_api", "functions", "multi_tool_use.parallel", "browser", "mcp"),
    *("auto", "none", "any", "required", "function", "tool", "null", "type", "name"),
)
"""Names of providers' own tools, and words that a wire keeps for itself."""

BROKEN = (
    '{"x": 1',
    '{"x": "a',
    "{'x': 1}",
    '{"x": 1}{"x": 1}',
    '{"x": 1} and so on',
    '{"x": 1, "y": }',
    '{"x": "a\nb"}',
    "{'x': True}",
    "[1]",
    "5",
    '"text"',
    '"{\\"x\\": 1}"',
    '{"x": NaN}',
    '{"x": 1e999}',
    '{"x": 1, "x": 2}',
    '{"x": "\\ud800"}',
    '```json\n{"x": 1}\n```',
    '{"x": 1,}',
    "{x: 1}",
    '{"x": 01}',
    '{"x": +1}',
    '{"x": .5}',
    '{"x": undefined}',
    '{"x": "\\x41"}',
    '{"x": 1}}',
    '{"x": [1, 2}',
    '<tool_call>{"x": 1}</tool_call>',
    '// note\n{"x": 1}',
    '{"x": -Infinity}',
    "x=1",
    "true",
    "[]",
    "{",
    "}",
    '{"x"}',
    "{“x”: 1}",
    '{"a": {"b": [1, {"c": 2}]}',
    '{"x": 1, "y": 2, "x": 1}',
    '{"y": {"x": "a", "x": "b"}}',
)
"""Arguments that are no JSON object, as models write them."""
CUT_OFF = (
    "",
    '{"x": 1',
    '{"x": "a',
    '{"x',
    "{",
    '{"x": [1, ',
    '{"x": "a\\',
    '{"path": "/tmp/x", "content": "line 1\\nli',
)

RESULTS: tuple[Json, ...] = (
    "done",
    "",
    "42",
    '{"temp": 21.5, "ok": true}',
    "[1, 2, 3]",
    '{"error": "not found"}',
    "Error: timed out after 30 s",
    "null",
    "line 1\nline 2\n",
    "<html><body>x</body></html>",
    "größer als ½ 日本 👍",
    '{"a": {"b": [null, 1.0]}}',
)
"""What tools answer."""

PROMPTS = (
    "Use the tools; answer in JSON.",
    "What is the weather in Zürich?",
    "Fix this:\n```python\ndef f(): pass\n```\n",
    "Translate “Grüße” to 日本語.",
    "{{user}} said: ${x} & <b>no</b>",
    "Again.",
    "  Please keep   the spaces. ",
    "Hi",
)
"""What users write."""


def _data(kind: str, content: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(content).decode()}"


def _png(*colours: int) -> bytes:
    """A picture one dot high."""
    rows = zlib.compress(bytes((0, *colours)))
    head = struct.pack(">IIBBBBB", len(colours), 1, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", rows), (b"IEND", b""))
    made = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(made)


IMAGES: Mapping[str, tuple[str, ...]] = {
    "data": (
        *(_data("png", _png(*range(one))) for one in (1, 2, 5, 256)),
        _data("jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(251, 256)) * 3 + b"\xff\xd9"),
        _data("gif", b"GIF89a\x01\x00\x01\x00\x80\x01\x00" + bytes(range(200)) + b";"),
        _data("webp", b"RIFF\x1a\x00\x00\x00WEBPVP8L" + bytes(range(64, 80)) * 500),
    ),
    "url": ("https://images.test/a%20b.png", "https://images.test/é.jpg?x=1&y=%2F#z", "https://images.test/page"),
}
"""Images by the ways in which a message holds them; what is in those of other kinds than PNG nobody looks at."""

_ITEM: dict[str, Json] = {"$ref": "#/$defs/Item"}
_NODE: dict[str, Json] = {"$ref": "#/$defs/Node"}
_PERHAPS: dict[str, Json] = {"anyOf": [_NODE, {"type": "null"}]}
DEFINED: Sequence[tuple[dict[str, Json], dict[str, Json]]] = (
    ({"Item": {"type": "object", "properties": {"k": {"type": "string", "enum": ["a", "b"]}}}}, _ITEM),
    (
        {"Node": {"type": "object", "properties": {"k": {"type": "string"}, "in": {"type": "array", "items": _NODE}}}},
        _NODE,
    ),
    (
        {
            "Node": {
                "type": "object",
                "properties": {"k": {"type": "integer"}, "next": _PERHAPS},
            }
        },
        _PERHAPS,
    ),
    (
        {
            "Item": {"type": "object", "properties": {"node": _NODE}, "required": ["node"]},
            "Node": {"type": "object", "properties": {"items": {"type": "array", "items": _ITEM}}},
        },
        _ITEM,
    ),
    ({}, {"$ref": "#"}),
)
"""Definitions of a schema and a field that refers to them: once, in a circle, in a circle of two, to the whole."""
