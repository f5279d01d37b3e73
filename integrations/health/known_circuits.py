"""Which circuits there are: those of Mandate, those with settings, those that templates name."""

from __future__ import annotations

from dsl.health.breakers import BreakerBook
from dsl.template_folders import TemplateFolders
from dsl.values.circuit_names import OWN_CIRCUITS
from integrations.errors import NotFoundError


def known_circuits(book: BreakerBook, folders: TemplateFolders) -> tuple[str, ...]:
    """Return their names, as far as they are known on this machine."""
    files = folders.view().files.values()
    outside = {each.template.outside for each in files if each.template.outside}
    return tuple(sorted({*OWN_CIRCUITS, *book.names, *outside}))


def require_circuit(name: str, known: tuple[str, ...]) -> None:
    """Refuse a circuit that is not known.

    Raises:
        NotFoundError: with the names of those that are.
    """
    if name not in known:
        raise NotFoundError(f"there is no circuit {name!r}: there are {', '.join(known)}")
