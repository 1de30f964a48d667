"""The page's tables of `workers`: seconds and bytes by the number of workers, and what they are made of."""

from __future__ import annotations

from bench.benchmarks.workers import GOAL_WORKERS, SLOTS, START_SECONDS, WORKER_LINK
from bench.command.markdown_table import goal_text, table, verdict_text
from bench.command.result_file import Document


def workers_lines(rows: list[Document]) -> list[str]:
    """Seconds; gigabytes; where more workers stop to help; what was measured and what assumed."""
    details = [row["details"] for row in rows]
    headings = [f"{each['state']}, {each['link']}" for each in details]
    numbers = [one["workers"] for one in details[0]["schedules"]]
    verdict = [f"{row['value']:.3f} ({goal_text(row)}: {verdict_text(row)})" for row in rows]
    lines = table(
        ["workers", *headings],
        [
            *(
                [str(number), *(_seconds(each["schedules"], place) for each in details)]
                for place, number in enumerate(numbers)
            ),
            [f"{GOAL_WORKERS} against 1", *verdict],
        ],
    )
    lines += [
        "",
        "Seconds until the last validation, and the share of the slots' time that is work.",
        "",
    ]
    lines += table(
        ["GB moved", *headings],
        [
            ["from the client", *(_moved(each, "sent_gb") for each in details)],
            ["to the client", *(_moved(each, "returned_gb") for each in details)],
            *(
                [_to(number), *(_fetched(each["schedules"], place) for each in details)]
                for place, number in enumerate(numbers)
            ),
        ],
    )
    lines.append("")
    for heading, each in zip(headings, details):
        lines.append(f"- {heading}: {_stops(each)} {_last(each['last'], numbers[-1])}")
    return [*lines, "", *_origin(details[0]["matrix"])]


def _seconds(schedules: list[Document], place: int) -> str:
    one = schedules[place]
    return f"{one['seconds']:.0f} s, {one['busy'] * 100:.0f} %"


def _moved(details: Document, what: str) -> str:
    return f"{details['schedules'][0][what]:.2f}"


def _fetched(schedules: list[Document], place: int) -> str:
    return f"{schedules[place]['fetched_gb']:.1f}"


def _to(workers: int) -> str:
    return "to 1 worker" if workers == 1 else f"to {workers} workers"


def _stops(details: Document) -> str:
    enough = details["enough"]
    if enough is None:
        return "each doubling saves more than a tenth."
    return f"twice as many as {enough} save less than a tenth."


def _last(last: Document, workers: int) -> str:
    return (
        f"With {workers}, the last program is {last['address']}: its toolchain is built after "
        f"{last['built']:.0f} s, its inputs are sent after {last['sent']:.0f} s, it is exported after "
        f"{last['exported']:.0f} s, back after {last['returned']:.0f} s and validated after {last['validated']:.0f} s."
    )


def _origin(matrix: Document) -> list[str]:
    unpinned = ", ".join(matrix["unpinned"]) or "none"
    return [
        "Measured, in a run of the matrix with seeded weights, two processes at a time: "
        f"{matrix['export_seconds']:.0f} s of exports, {matrix['validation_seconds']:.0f} s of validations; "
        f"{matrix['toolchains']} toolchains, {matrix['build_seconds']:.0f} s to build, "
        f"{matrix['prepare_seconds']:.0f} s to prepare. The longest program takes {matrix['longest_seconds']:.0f} s: "
        f"{matrix['longest']}. All toolchains have {matrix['toolchain_gb']:.2f} GB, because the service keeps a wheel "
        f"once; separately {matrix['toolchain_gb_separately']:.2f} GB. Sizes of programs are those of the indexes.",
        "",
        f"Pinned: the official checkpoints, {matrix['checkpoint_gb']:.2f} GB. Parameters in fp32 stand for those whose "
        f"size is not pinned: {unpinned}. Seeded builds send none.",
        "",
        f"Assumed: workers with {SLOTS} cores as fast as those measured, each with a link of {WORKER_LINK} and a "
        f"folder that keeps toolchains; {START_SECONDS:g} s to start a process there; a service as fast as it needs to "
        "be, with one queue, that does not know what a worker has; links that carry one file after another; "
        "checkpoints that the client has. Left out: sources, pictures and reports, which are small, and what the "
        "client does between processes.",
    ]
