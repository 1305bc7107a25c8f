"""Other libraries as backends to prove: each a ``complete`` on the library's documented public interface.

``harness prove --backend harness.adapters.openai_chat:complete --provider openai``. A library is imported when its
adapter is called; none is a dependency of this project. An adapter hands on what the library gives, and mends nothing.
``docs/adapters.md`` has what the laws find in each.
"""
