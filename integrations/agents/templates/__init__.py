"""The shipped templates, each with its program beside it; see ``dsl.templates``."""
