"""``mandate sign``: the vote as one line of JSON, for whoever votes by other means.

That line and nothing else goes to stdout, for ``temporal workflow signal --input "$(…)"`` and for
the update dialog of the Web UI; what is said beside it goes to stderr. It is good for one time,
at one opening of one gate, for ten minutes.
"""

from __future__ import annotations

from pathlib import Path

from mandate.people.door import enter, temporal
from mandate.people.gates.voting import prepare
from mandate.people.gates.wishes import Wish
from mandate.people.login.session import session
from mandate.stack import environment
from mandate.terminal import note, say_json


def run(wish: Wish, *, data_dir: Path | None) -> int:
    """Print the vote; return the exit code."""
    return enter("sign", _sign(wish, data_dir))


async def _sign(wish: Wish, data_dir: Path | None) -> int:
    env = environment.present(data_dir)
    async with session(env) as who:
        ready = await prepare(await temporal(env), who, wish, note, env=env)
    say_json(ready.vote)
    return 0
