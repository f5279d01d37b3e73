<<<<<<< HEAD
"""Chaos experiments: what is seen of one after it has ended."""
=======
"""Chaos experiments: run, searched for, judged and reported."""
>>>>>>> 3510aa2 (Make experiments of chaos on a stack of their own)
