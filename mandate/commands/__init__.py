"""The commands, a file each: its path is what is typed, its room the panel it is shown in.

``look/graph.py`` is ``mandate graph``, ``look/ledger/tail.py`` is ``mandate ledger tail``. Nothing
else lists them: `mandate.cli` finds the files. The rules of such a file:

1. It holds one function ``command``: its signature is what there is to type, its docstring the
   sentence of ``--help``. A folder in a room is a group of commands; its docstring says what of.
2. Importing it is cheap, since ``--help`` and a shell's completion import all of them: what it
   needs is imported inside ``command``. Work of more than a few lines stands in `mandate.work`.
3. It ends by `mandate.cli_options.end`: 0 done, 1 a check or a run failed, 2 wrong usage, a
   refused document, or what was named is not there.
"""
