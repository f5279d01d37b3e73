"""What a well-formed document means: its map, and the rules of ``DSL3xx`` and ``DSL4xx``."""
