"""The only home of litellm: a request made ready, sent, and its answer decoded into a ``Reply``."""
