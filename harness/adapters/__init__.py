"""Other libraries as backends to prove: each a ``complete`` on the library's documented public interface.

``harness prove --backend harness.adapters.openai_chat:backend``. A library is imported when its adapter is; none is a
dependency of this project. ``docs/adapters.md`` has what the laws find in each.
"""
