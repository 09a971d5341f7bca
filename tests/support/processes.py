"""Work done by several real processes that start at the same moment."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from typing import Any


def in_processes(number: int, work: Callable[..., Any], *arguments: Any) -> list[Any]:
    """What `work(*arguments)` returns in each of so many processes; RuntimeError with what it raised there."""
    context = multiprocessing.get_context("spawn")
    ready, results = context.Barrier(number), context.Queue()
    processes = [context.Process(target=_one, args=(ready, results, work, arguments)) for _ in range(number)]
    for process in processes:
        process.start()
    found = [results.get(timeout=60) for _ in processes]
    for process in processes:
        process.join()
    failed = [failure for failure, _ in found if failure is not None]
    if failed:
        raise RuntimeError("; ".join(failed))
    return [result for _, result in found]


def _one(ready: Barrier, results: "Queue[Any]", work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        ready.wait()
        results.put((None, work(*arguments)))
    except Exception as failure:
        results.put((repr(failure), None))
