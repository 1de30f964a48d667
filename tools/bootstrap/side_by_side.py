"""Steps of the preparation that do not need each other, at the same time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from pip_command import start_again, stop_all


def side_by_side(*steps: Callable[[], Any]) -> list[Any]:
    """The results of the steps, in their order.

    The first error is raised, a signal's too, once the commands of all steps have ended.
    """
    results: list[Any] = [None] * len(steps)
    ended: queue.Queue[BaseException | None] = queue.Queue()

    def run(number: int) -> None:
        try:
            results[number] = steps[number]()
        except BaseException as error:  # For the thread that waits.
            ended.put(error)
        else:
            ended.put(None)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(steps))]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            error = ended.get()
            if error is not None:
                raise error
    except BaseException:
        stop_all()
        raise
    finally:
        for thread in threads:
            thread.join()
        start_again()
    return results
