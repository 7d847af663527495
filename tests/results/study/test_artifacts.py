"""Artifacts that machines without a common folder exchange."""

from pathlib import Path

import pytest

from data.common.errors import UserError
from results.study import check_artifacts_url
from results.study.artifacts import Artifacts


@pytest.fixture(params=["file", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path / 'shared'}" if request.param == "file" else f"memory://{tmp_path}"


def test_another_machine_finds_what_one_has_published(tmp_path: Path, url: str) -> None:
    here, there = Artifacts(tmp_path / "here", url), Artifacts(tmp_path / "there", url)
    (here.folder / "trials" / "3").mkdir(parents=True)
    (here.folder / "trials" / "3" / "scores.npz").write_bytes(b"scores")
    assert there.find("trials/3/scores.npz") is None

    here.publish("trials/3/scores.npz")
    found = there.find("trials/3/scores.npz")
    assert found == there.folder / "trials" / "3" / "scores.npz"
    assert found.read_bytes() == b"scores"

    there.delete("trials/3/scores.npz")
    assert not found.exists()
    assert Artifacts(tmp_path / "third", url).find("trials/3/scores.npz") is None
    there.delete("trials/3/scores.npz")


def test_one_folder_needs_no_copies(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path)
    (tmp_path / "a").write_bytes(b"a")
    artifacts.publish("a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert artifacts.find("a") == tmp_path / "a"
    assert artifacts.find("b") is None
    artifacts.delete("a")
    assert artifacts.find("a") is None


@pytest.mark.parametrize(
    "url",
    [
        "nowhere://x",
        "file:///proc/none/x",
        "ftp://me:word@host/x",
        "simplecache::ftp://me:word@host/x",
        "s3://bucket/x?secret=word",
    ],
)
def test_a_url_that_cannot_serve_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="--artefacts") as error:
        check_artifacts_url(url)
    assert "word" not in str(error.value).replace("password", "")


@pytest.mark.parametrize(
    "path",
    [
        "../../x",
        "/etc/passwd",
        "../a/../../x",
        "trials/../../../x",
        "a/../../../x",
        "..\\..\\x",
        "C:/x",
        "C:x",
        "//host/share/x",
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(tmp_path: Path, path: str, url: str) -> None:
    artifacts = Artifacts(tmp_path / "runs" / "here", url)
    for action in (artifacts.find, artifacts.publish, artifacts.delete):
        with pytest.raises(UserError, match="does not lie among the runs"):
            action(path)


def test_finished_baselines_lie_beside_the_run(tmp_path: Path) -> None:
    kept = tmp_path / "runs" / "baselines" / "abc" / "model.keras"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"model")
    (tmp_path / "runs" / "here").mkdir()
    found = Artifacts(tmp_path / "runs" / "here").find("../baselines/abc/model.keras")
    assert found is not None
    assert found.read_bytes() == b"model"


def test_a_place_is_named_from_the_run_on(tmp_path: Path) -> None:
    artifacts = Artifacts(tmp_path / "runs" / "here")
    assert artifacts.name(tmp_path / "runs" / "here" / "trials" / "0") == "trials/0"
    assert artifacts.name(str(tmp_path / "runs" / "baselines" / "abc")) == "../baselines/abc"
