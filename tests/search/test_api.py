"""A whole search by one call: from a script, a thread and a notebook; interrupted, and refused."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from data import UserError
from results import Run
from search import run_search
from tests.commands import ROOT
from tests.search.messages import messages
from tests.search.processes import Searching

SMALL: dict[str, Any] = {
    "space": "tests.search.small:Small", "split": "stratified", "baselines": "linear",
    "epochs": 1, "workers": 1, "pruner": "none",
}  # fmt: skip
SLOW = {**SMALL, "space": "tests.search.slow_space:SlowSpace", "baselines": "none"}


def test_mistakes_are_told_before_anything_is_made(tmp_path: Path) -> None:
    out = tmp_path / "runs"
    for data, options, said in (
        (messages(9), {"budget": "5x"}, "budget: '5x' is not"),
        (messages(9), {"budget": 1, "sampler": "best"}, "sampler 'best'"),
        (messages(9), {"budget": 1, "negative_file": "a.txt"}, "positive_file is missing"),
        (7, {"budget": 1}, "data is of type int"),
    ):
        with pytest.raises(UserError, match=said):
            run_search(data, out=out, **options)  # type: ignore[arg-type]
    assert not out.exists()
    with pytest.raises(UserError, match="fewer than a batch of 128; give a longer log"):
        run_search(messages(90), budget=1, out=out)


def in_pool(out: Path) -> str:
    try:
        run_search(messages(400), budget=1, out=out)
    except UserError as error:
        return str(error)
    return ""


def test_a_daemon_is_told_that_it_cannot_start_workers(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert "multiprocessing.Pool must not" in pool.apply(in_pool, (tmp_path,))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_frame_becomes_a_run_like_that_of_the_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    optuna.logging.set_verbosity(optuna.logging.INFO)
    texts, labels = messages(500)
    frame = pd.DataFrame({"body": texts, "kind": labels, "n": range(500)})
    # In a thread, which may not say what a signal does.
    with ThreadPoolExecutor(1) as threads:
        run = threads.submit(
            run_search, frame, budget=2, text_column="body", label_column="kind",
            study="first", out=tmp_path, **SMALL,
        ).result()  # fmt: skip
    assert not run.interrupted and run.folder == tmp_path / "first"
    assert optuna.logging.get_verbosity() == optuna.logging.INFO
    printed = capfd.readouterr()
    assert printed.out == "" and "study" not in printed.err
    assert run.champion is not None and len(run.trials()) == 2
    assert set(run.history()["trial"].dropna()) == {0, 1}
    assert run.best.label_words == ("ham", "spam")
    assert run.best.predict_proba(texts[:5]).shape == (5, 2)
    assert {"leaderboard.json", "report.html", "best"} <= {
        path.name for path in run.folder.iterdir()
    }
    # The same data from a list resume it, others are refused.
    more = {**SMALL, "study": "first", "out": tmp_path, "positive": ["spam"]}
    assert len(run_search((texts, labels), budget=3, **more).trials()) == 3
    with pytest.raises(UserError, match="was made with fingerprint"):
        run_search((texts[1:], labels[1:]), budget=4, **more)


def program(folder: Path, call: str) -> Path:
    """Write a script that searches at its top, without asking whether it is the main module."""
    path = folder / "program.py"
    path.write_text(
        textwrap.dedent(
            f"""
            from search import run_search
            from tests.search.messages import messages

            print("begun", flush=True)
            run = run_search(messages(500), out={str(folder)!r}, study="run", {call})
            print("ended", run.interrupted, len(run.trials()), flush=True)
            """
        )
    )
    return path


def start(script: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(script)], cwd=script.parent, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )  # fmt: skip


def options(**values: Any) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in values.items())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_script_needs_no_guard(tmp_path: Path) -> None:
    out, err = start(program(tmp_path, options(budget=1, **SMALL))).communicate(timeout=280)
    assert out.splitlines() == ["begun", "ended False 1"], err


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_ctrl_c_returns_what_was_found(tmp_path: Path) -> None:
    process = start(program(tmp_path, options(budget=500, **SLOW)))
    search = Searching(process, tmp_path / "run", None)
    try:
        search.wait_for(lambda study: len(study.trials) > 2, 200)
        os.killpg(process.pid, signal.SIGINT)  # As a terminal does: the workers get it too.
        _, out, err = search.end()
    finally:
        search.kill()
    assert out.splitlines()[-1].startswith("ended True "), err
    assert "Traceback" not in err
    assert "running trials are put back" in err


# ---- a notebook ----------------------------------------------------------------------------------


class Notebook:
    """A real kernel, to which cells are sent."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client

    def send(self, code: str) -> str:
        return str(self.client.execute(textwrap.dedent(code)))

    def outputs(self, cell: str, seconds: float = 250.0) -> list[dict[str, Any]]:
        """Wait until a cell has ended; return what it showed, updates too."""
        end, found = time.monotonic() + seconds, []
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=seconds)
            if message["parent_header"].get("msg_id") != cell:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            found.append({"type": message["msg_type"], **message["content"]})
        raise AssertionError(f"the cell did not end: {found}")


def wait_for_a_trial(folder: Path, seconds: float = 200.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(UserError):  # It is not there yet.
            if Run.open(folder).study.trials:
                return
        time.sleep(0.5)
    raise AssertionError("no trial began in time")


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        yield Notebook(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_notebook_shows_how_it_goes_and_is_interrupted_in_order(
    notebook: Notebook, tmp_path: Path
) -> None:
    cell = notebook.send(
        f"""
        import warnings
        warnings.filterwarnings("ignore", "IProgress not found")  # tqdm's, as Optuna imports it.
        from search import run_search
        from tests.search.messages import messages
        run = run_search(messages(500), study="whole", {options(budget=2, **SMALL)})
        run
        """
    )
    shown = notebook.outputs(cell)
    assert not [output for output in shown if output["type"] == "error"], shown
    panels = [it["data"]["text/plain"] for it in shown if it["type"] == "update_display_data"]
    assert any("running" in panel and "trial" in panel for panel in panels)
    assert panels[-1] == ""
    (result,) = [output for output in shown if output["type"] == "execute_result"]
    assert "<table>" in result["data"]["text/html"]
    # Nothing beside these: no line of Optuna's, no table printed as well.
    assert {it["type"] for it in shown} <= {
        "execute_input", "display_data", "update_display_data", "execute_result", "status",
    }  # fmt: skip

    cell = notebook.send(
        f'found = run_search(messages(500), study="cut", {options(budget=500, **SLOW)})'
    )
    wait_for_a_trial(tmp_path / "runs" / "cut")
    notebook.manager.interrupt_kernel()
    shown = notebook.outputs(cell)
    assert not [output for output in shown if output["type"] == "error"], shown
    shown = notebook.outputs(notebook.send("print(found.interrupted, run.interrupted)"))
    assert [it["text"] for it in shown if it["type"] == "stream"] == ["True False\n"]
