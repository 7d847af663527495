"""Hurts real searches at random moments, resumes each, and tells whether anything was lost."""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.crashes.faults import FAULTS, Fault
from tests.crashes.lane import HurtSearch, Lane, Tally
from tests.crashes.searches import KINDS, SearchKind

_MOST_KILLS_A_SEARCH = 20
_DISK = "96m"


@contextmanager
def disk(folder: Path) -> Iterator[bool]:
    """Put a small file system of its own into a folder; yield whether that is allowed here."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", str(folder)]
    is_mounted = (
        bool(shutil.which("mount")) and not subprocess.run(mount, capture_output=True).returncode
    )
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


def usable(names: Sequence[str], is_mounted: bool) -> tuple[list[Fault], dict[str, str]]:
    """Return the named faults, or all, that can happen here, and why the others cannot."""
    known = {fault.name: fault for fault in FAULTS}
    unknown = sorted(set(names) - set(known))
    if unknown:
        sys.exit(f"--faults has {', '.join(unknown)}; known are {', '.join(known)}")
    wanted = [known[name] for name in names or known]
    missing = {fault.name: fault.missing(is_mounted) for fault in wanted}
    return (
        [fault for fault in wanted if not missing[fault.name]],
        {name: why for name, why in missing.items() if why},
    )


def hurt_searches(lane: Lane, kinds: Sequence[SearchKind], kills: int) -> None:
    """Hurt searches of these kinds, in turn, until there were so many kills."""
    turn = 0
    while lane.tally.kills < kills:
        left = min(kills - lane.tally.kills, _MOST_KILLS_A_SEARCH)
        HurtSearch(lane, kinds[turn % len(kinds)], left).play()
        turn += 1


def main(argv: Sequence[str]) -> int:
    """Run the harness; return 1 if something was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.crashes.run", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how many (default: %(default)s)")
    parser.add_argument("--lanes", type=int, default=1, help="searches hurt side by side")
    parser.add_argument("--seed", type=int, default=0, help="of moments and faults")
    parser.add_argument("--faults", default="", help="some of them, with commas (default: all)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args(argv)
    names = [name for name in options.faults.split(",") if name]
    usable(names, True)

    folder = Path(tempfile.mkdtemp(prefix="crashes-"))
    started = time.monotonic()
    tally, missing = Tally(), {}
    lock = threading.Lock()

    def say(line: str) -> None:
        with lock:
            print(f"{time.monotonic() - started:7.1f} s  {line}", flush=True)

    def run(index: int) -> None:
        place = folder / str(index)
        share = options.kills // options.lanes + (index < options.kills % options.lanes)
        with disk(place / "out") as is_mounted:
            faults, why = usable(names, is_mounted)
            chance = random.Random(f"{options.seed} {index}")
            core = index % (os.cpu_count() or 1) if options.lanes > 1 else None
            lane = Lane(place, place / "out", is_mounted, faults, chance, core, say)
            first = index % len(KINDS)
            try:
                hurt_searches(lane, KINDS[first:] + KINDS[:first], share)
            except Exception as error:
                lane.tally.problems.append(f"the harness: {type(error).__name__}: {error}")
                raise
            finally:
                with lock:
                    tally.add(lane.tally)
                    missing.update(why)

    lanes = [threading.Thread(target=run, args=(index,)) for index in range(options.lanes)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        thread.join()
    _report(tally, missing, time.monotonic() - started)
    if options.json:
        options.json.write_text(json.dumps({**vars(tally), "missing": missing}, indent=2) + "\n")
    if not tally.problems:
        shutil.rmtree(folder)
    return bool(tally.problems)


def _report(tally: Tally, missing: dict[str, str], seconds: float) -> None:
    print(f"\n{'fault':<18} times")
    for fault in FAULTS:
        print(f"{fault.name:<18} {missing.get(fault.name) or tally.faults[fault.name]}")
    moments = ", ".join(f"{count} at {name}" for name, count in tally.moments.items())
    ended = ", ".join(f"{count} of {name}" for name, count in tally.searches.items())
    print(f"\nkills {tally.kills} ({moments}), resumes {tally.resumes}, {seconds:.0f} s")
    print(f"searches that came to their end: {ended}; {tally.trials} trials reported")
    print(f"equal to an uninterrupted run of the same seed: {tally.compared} compared")
    gone = sum(" lost" in problem for problem in tally.problems)
    print(f"trials lost = {gone}, problems = {len(tally.problems)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
