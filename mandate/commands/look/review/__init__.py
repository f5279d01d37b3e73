"""Review a repository: what is found in it, and what becomes of that."""

USUAL = "run"  # so that `mandate review PATH` is `mandate review run PATH`
