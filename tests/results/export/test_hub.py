"""On the hub an export is what Keras would have put there: Keras and `hf` take it as it is."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from results.export.formats import MODEL_FORMATS
from tests import readme
from tests.results.conftest import Trained

REPOSITORY = "USER/NAME"  # As the model card writes it.
COMMIT = "0123456789abcdef0123456789abcdef01234567"

_RUN = """
import sys
import numpy as np
ids = np.load(sys.argv[1])
{example}
np.save(sys.argv[2], np.asarray(score))
assert not {{"results", "data", "spaces", "search"}} & set(sys.modules)
"""


def hub(folder: Path, home: Path) -> dict[str, str]:
    """Lay out a folder as the hub's client keeps a download; give the variables that it reads."""
    place = home / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    for path in (path for path in folder.rglob("*") if path.is_file()):
        link = place / "snapshots" / COMMIT / path.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(path)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    return {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"}


def run_example(
    example: str, folder: Path, ids: npt.NDArray[np.int32], work: Path
) -> npt.NDArray[np.float32]:
    """Run an example of a model card in its folder, by a fresh process without this project."""
    variables = hub(folder, work / "home")
    np.save(work / "ids.npy", ids)
    done = subprocess.run(
        [sys.executable, "-I", "-c", _RUN.format(example=example),
         str(work / "ids.npy"), str(work / "score.npy")],
        cwd=folder, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scores: npt.NDArray[np.float32] = np.load(work / "score.npy").reshape(-1)
    return scores


@pytest.mark.slow
def test_keras_loads_the_repository_the_folder_and_the_file(
    exported: Path, trained: Trained, tmp_path: Path
) -> None:
    example = MODEL_FORMATS["keras"].example
    assert f'"hf://{REPOSITORY}"' in example
    places = (f'"hf://{REPOSITORY}"', '"."', '"model.keras"')
    examples = [
        example.replace(places[0], place).replace("score =", f"score_{number} =")
        for number, place in enumerate(places)
    ]
    together = "\n".join([*examples, "score = np.stack([score_0, score_1, score_2])"])
    ids = trained.encoded.padded(np.arange(8), 96)
    found = run_example(together, exported, ids, tmp_path)
    expected = np.asarray(trained.model(ids)).reshape(-1)
    np.testing.assert_allclose(found.reshape(3, -1), [expected] * 3, rtol=0, atol=1e-6)


COMMANDS = [command for command in readme.commands() if command.startswith("hf ")]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_pages_say_of_hf_it_understands(command: str, tmp_path: Path) -> None:
    assert [each.split()[1] for each in COMMANDS] == ["upload", "download"]
    _, *words = shlex.split(command)
    (tmp_path / "winner").mkdir()
    done = subprocess.run(
        [Path(sys.executable).with_name("hf"), *words],
        cwd=tmp_path, env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1 and "offline" in done.stderr, done.stderr
