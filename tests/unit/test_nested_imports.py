"""An import in the midst of another: what a collection of garbage may do to any workflow."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import Any

import pytest

bootstrap: Any = vars(importlib)["_bootstrap"]


class Interrupted:
    """A lock that is taken while something else is imported by the same thread."""

    def __init__(self):
        self._lock = threading.Lock()

    def __enter__(self):
        inner = bootstrap._ModuleLock("inner")
        inner.acquire()
        inner.release()
        return self._lock.__enter__()

    def __exit__(self, *exc):
        return self._lock.__exit__(*exc)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="later Pythons bear it by themselves")
def test_an_import_outlives_another_in_its_midst():
    outer = bootstrap._ModuleLock("outer")
    outer.lock = Interrupted()

    assert outer.acquire()
    outer.release()
