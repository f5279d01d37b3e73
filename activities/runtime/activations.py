"""Where workflow code runs when something has happened to it: at once, where that is short.

The SDK hands each activation to a thread. Most take a fraction of a millisecond, and to hand one
over and back costs as much again. The rules:

1. What goes on with a history that is in memory runs where it arrived, in the worker's event
   loop. A replay, and what brings much at once, gets a thread.
2. What computes for longer than the SDK lets it is broken off here as there: its task fails,
   is seen in the Web UI and tried again, and the worker goes on. A thread watches over that. A
   worker that stood still as a whole has not computed: its watch stood still as well.
3. Either way it starts from an empty context: nothing of the worker's reaches a workflow.
4. Nothing happens to a workflow outside a workflow task. A query that waited for a worker comes
   with all that has happened meanwhile, and the SDK would hand that over as if a task had brought
   it: at the wrong time, ahead of the signals of the task that does bring it, and kept in memory.
   Such a run would not replay. It is let go of instead, and whoever asked may ask again:
   see ``activities.runtime.asking``.
5. What was broken off, here or by the SDK in a thread, may have been anywhere, and wait for what
   nothing will bring: it cannot be torn down, and the SDK would try for ever, with its place for
   workflow tasks taken and the end of the worker waiting for it. Such a run is let go of as it is,
   and begun anew from its history. Its remains are kept: cleared away, its code would run on in
   whichever thread does that.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from typing import Any, Final, TypeVar

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from activities.runtime.asking import ASK_AGAIN

T = TypeVar("T")

JOBS_MAX: Final = 4
COMPUTES_S_MAX: Final = 2.0  # as in the SDK
REMAINS_MAX: Final = 100
_END: Final = "remove_from_cache"  # the kind of job by which a run in memory is torn down
_LOOK_EVERY_S: Final = 0.25

logger = logging.getLogger(__name__)


class StuckError(Exception):
    """Workflow code has computed for too long."""


class _BreakOff(BaseException):  # not to be caught by what it breaks off
    """Raised in code that computes for too long."""


class Activations(ThreadPoolExecutor):
    """Computes activations, at once or in a thread (1)."""

    def __init__(self, threads: int, computes_s_max: float = COMPUTES_S_MAX) -> None:
        super().__init__(threads, thread_name_prefix="temporal_workflow_")
        self._watch = _Watch(computes_s_max)
        self._tasks = _Tasks()
        self._remains: deque[Callable[..., Any]] = deque(maxlen=REMAINS_MAX)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Compute ``fn``; see the base class."""
        if not args or not isinstance(args[0], WorkflowActivation):
            return super().submit(fn, *args, **kwargs)
        arrived, done = args[0], Future[Any]()
        jobs: set[str | None] = {job.WhichOneof("variant") for job in arrived.jobs}
        if not self._tasks.brought(arrived, jobs):
            done.set_result(_let_go(arrived.run_id))  # (4) whoever asked may ask again
            return done
        is_end = _END in jobs
        if not is_end and (arrived.is_replaying or len(arrived.jobs) > JOBS_MAX):
            return super().submit(fn, *args, **kwargs)  # (1) a replay, or much at once
        try:
            done.set_result(self._at_once(fn, *args, **kwargs))
        except Exception as error:  # noqa: BLE001  # it is for whoever waits
            if is_end:
                self._remains.append(fn)  # (5) kept as it is
                why = str(error).partition("\n")[0]  # the SDK adds the stacks of all that is left
                logger.warning("run %s is let go of as it is: %s", arrived.run_id, why)
                done.set_result(None)
            else:
                done.set_exception(error)
        return done

    def _at_once(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Return what ``fn`` does, here and now.

        Raises:
            StuckError: it computed for too long (2).
        """
        loop = asyncio.get_running_loop()
        try:
            # (3) from an empty context
            return self._watch.over(lambda: Context().run(fn, *args, **kwargs))
        finally:
            asyncio._set_running_loop(loop)  # noqa: SLF001  # a workflow's own leaves none behind

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the base class's
        """End it; see the base class."""
        self._watch.close()
        super().shutdown(wait, cancel_futures=cancel_futures)


class _Tasks:
    """The workflow task that each run in memory has come to (4)."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int, int]] = {}  # by run: its time, length of history

    def brought(self, activation: WorkflowActivation, jobs: set[str | None]) -> bool:
        """Tell whether a workflow task has brought this, ``jobs`` of kinds, and remember which."""
        if _END in jobs:
            self._seen.pop(activation.run_id, None)
            return True
        if jobs == {"query_workflow"}:
            return True
        since = activation.timestamp
        now = since.seconds, since.nanos, activation.history_length
        before = self._seen.get(activation.run_id)
        # Each task has a time of its own: that of its start. Only history has grown here.
        if before is not None and before[:2] == now[:2] and before[2] < now[2]:
            return False
        self._seen[activation.run_id] = now
        return True


def _let_go(run_id: str) -> WorkflowActivationCompletion:
    """Have the SDK forget the run, and tell whoever asked (4)."""
    completion = WorkflowActivationCompletion(run_id=run_id)
    completion.failed.failure.message = ASK_AGAIN
    return completion


class _Watch:
    """Breaks off what computes too long in the thread that it was made in (2)."""

    def __init__(self, most_s: float) -> None:
        self._most_s = most_s
        self._began: float | None = None
        self._is_broken_off = False
        self._looks = 0
        self._turn = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._whose = 0

    def over(self, work: Callable[[], T]) -> T:
        """Return what ``work`` does.

        Raises:
            StuckError: it took too long; what it then returned or raised is nobody's concern.
        """
        self._start()
        is_broken_off = True
        try:
            try:
                with self._turn:
                    self._began, self._looks = time.monotonic(), 0
                result = work()
            finally:
                is_broken_off = self._end()
        except _BreakOff:
            self._end()  # it may have come while that ended
        if is_broken_off:
            raise StuckError(f"workflow code has computed for more than {self._most_s:g} s")
        return result

    def close(self) -> None:
        """End the watch."""
        self._over.set()

    def _start(self) -> None:
        self._whose = threading.get_ident()
        if self._thread is None:
            self._thread = threading.Thread(target=self._look, name="activations", daemon=True)
            self._thread.start()

    def _end(self) -> bool:
        """Tell whether it was broken off; from here on nothing is."""
        with self._turn:
            self._began = None
            was, self._is_broken_off = self._is_broken_off, False
            if was:
                _raise_in(self._whose, None)  # what has not come by now is not to come
        return was

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            with self._turn:
                self._looks += 1
                began, seen_s = self._began, self._looks * _LOOK_EVERY_S
                if began is not None and min(time.monotonic() - began, seen_s) > self._most_s:
                    self._began, self._is_broken_off = None, True
                    _raise_in(self._whose, _BreakOff)


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Have ``error`` raised in a thread as soon as it runs Python; None: what was to be is not."""
    raised = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), raised)
