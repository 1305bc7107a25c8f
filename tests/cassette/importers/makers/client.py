"""Records with a recorder for Python: ``python client.py cassetter|langchain|vcrpy|vcrpy-as-json``, server on 8899."""

import sys

import httpx

BASE = "http://127.0.0.1:8899"
KEY = {"authorization": "Bearer planted-q7Zr2Wm9Xt4Kc8Vb"}
JSON = {"content-type": "application/json", **KEY}
CHAT = f"{BASE}/v1/chat/completions"


def ask(*, binary):
    with httpx.Client() as client:
        client.post(
            CHAT, content='{"model":"m","messages":[{"role":"user","content":"Zürich?"}]}'.encode(), headers=JSON
        )
        streamed = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}'
        client.post(CHAT, content=streamed, headers=JSON)
        client.post(f"{BASE}/gzip", content=b'{"a":1.10}', headers=JSON)
        if binary:
            octets = {"content-type": "application/octet-stream", **KEY}
            client.post(f"{BASE}/binary", content=b"a\0\xff", headers=octets)
        client.post(f"{BASE}/limited", data={"a": "1", "b": "2"}, headers=KEY)
        client.get(f"{BASE}/text?x=1&x=2")


def main(name):
    if name == "cassetter":
        import cassetter

        with cassetter.use_cassette("cassetter.yaml"):
            ask(binary=True)
        return
    import vcr

    if name == "langchain":
        from langchain_tests.conftest import CustomPersister, CustomSerializer, base_vcr_config

        kept = {"record_mode", "filter_headers", "match_on", "decode_compressed_response"}
        recorder = vcr.VCR(**{key: value for key, value in base_vcr_config().items() if key in kept})
        recorder.register_persister(CustomPersister())
        recorder.register_serializer("yaml.gz", CustomSerializer())
        with recorder.use_cassette("langchain.yaml.gz", serializer="yaml.gz"):
            ask(binary=True)
        return
    as_json = name == "vcrpy-as-json"
    file, serializer = ("vcrpy-as-json.json", "json") if as_json else ("vcrpy.yaml", "yaml")
    with vcr.use_cassette(file, serializer=serializer, decode_compressed_response=as_json):
        ask(binary=not as_json)


main(sys.argv[1])
