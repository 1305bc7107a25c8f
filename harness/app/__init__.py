"""Where the parts meet: settings, assembly, and what commands and the pytest plugin run."""
