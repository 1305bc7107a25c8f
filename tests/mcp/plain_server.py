"""An MCP server over stdio out of the standard library alone, that also does what servers should not."""

import json
import sys
import uuid


def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def text(what):
    return {"content": [{"type": "text", "text": what}], "isError": False}


def call(number, name, arguments):
    if name == "die":
        sys.exit(3)
    if name == "flood":
        for count in range(2000):
            say(method="notifications/message", params={"level": "info", "data": f"{count}"})
    if name == "ask_back":
        asked = f"s-{uuid.uuid4().hex}"
        say(id=asked, method="sampling/createMessage", params={"messages": []})
        for line in sys.stdin:
            message = json.loads(line)
            if message.get("id") == asked:
                say(id=number, result=text(f"the client says {message['result']}"))
                return
    say(id=number, result=text(f"{name} of {arguments.get('city')}"))


def main():
    for line in sys.stdin:
        message = json.loads(line)
        method, number = message.get("method"), message.get("id")
        if method == "initialize":
            say(id=number, result={"protocolVersion": "2025-11-25", "serverInfo": {"name": "plain", "version": "1"}})
            say(method="notifications/tools/list_changed")
        elif method == "tools/list":
            say(id=number, result={"tools": [{"name": "weather", "inputSchema": {"type": "object"}}]})
        elif method == "tools/call":
            call(number, message["params"]["name"], message["params"].get("arguments", {}))
        elif number is not None:
            say(id=number, error={"code": -32601, "message": "no such method"})


main()
