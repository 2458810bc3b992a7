"""An action on each of many objects, in this process or in several."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import pool
from ..errors import DicompressError
from . import queries
from .outcome import FAILED, Outcome

if TYPE_CHECKING:
    from .store import Store

Action = Callable[..., Outcome | None]  # (store, id, threads); a function of a module, as it goes to other processes
Died = Callable[["Store", int, str], Outcome | None]


def each(
    jobs: int, store: Store, action: Action, ids: Iterable[int], died: Died | None = None
) -> Iterator[tuple[int, Outcome | None]]:
    """(id, outcome) as they end. ids: to a deque more can be added meanwhile. died: what becomes of an object whose process died."""
    ids = ids if isinstance(ids, deque) else deque(ids)
    if jobs < 2:
        while ids:
            number = ids.popleft()
            with quiet():
                outcome = action(store, number, threads=0)
            yield number, outcome
        return
    threads = max(1, (os.cpu_count() or 1) // jobs)
    for number, result in pool.run(partial(_work, str(store.config.folder), action, threads), ids, jobs):
        if isinstance(result, DicompressError):  # the index or the store's files: no object's fault
            raise result
        if isinstance(result, pool.Died):
            result = (died or _died)(store, number, f"the worker process died ({result.how}), perhaps for lack of memory")
        yield number, result


def _died(store: Store, number: int, reason: str) -> Outcome | None:
    row = queries.by_id(store.index, number)
    return row and Outcome(row.SOPInstanceUID, row.version, FAILED, reason)


def _work(folder: str, action: Action, threads: int, number: int, tell: Callable[[Any], None]) -> Outcome | DicompressError | None:
    """In a worker process."""
    try:
        store = _opened(folder)
        with quiet():
            outcome = action(store, number, threads=threads)
        store.flush()
    except DicompressError as error:
        return error
    return outcome


@lru_cache(maxsize=1)
def _opened(folder: str) -> Store:
    from .store import Store

    return Store(Path(folder))


def quiet() -> Any:
    """What libraries warn of is no news of an archive."""
    return warnings.catch_warnings(action="ignore")
