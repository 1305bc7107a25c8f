"""Random letters of the forms that keys have, the same in each run."""

import random
import string


class Letters(random.Random):
    """By its seed."""

    def drawn(self, size, letters=string.ascii_letters + string.digits):
        """Letters as a generator of keys gives them, never all of one kind."""
        return "".join(self.choice(letters) for _ in range(size - 3)) + ("aZ9" if letters[0] == "a" else "7Q2")

    def hexed(self, size):
        return "".join(self.choice("0123456789abcdef") for _ in range(size))

    def uuid(self):
        return f"{self.hexed(8)}-{self.hexed(4)}-4{self.hexed(3)}-a{self.hexed(3)}-{self.hexed(12)}"
