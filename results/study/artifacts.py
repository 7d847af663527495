"""A run's artifacts: in its folder, and behind an fsspec URL if machines share no folder."""

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import fsspec

from data.common import UserError, hide_password, new_file


@dataclass(frozen=True)
class Artifacts:
    """Files below a run's folder, and their copies that other machines read.

    The methods take a file's path from the run's folder on. It was read from a study, so one that
    leads elsewhere is refused as a UserError.

    Attributes:
        folder: The run's folder on this machine.
        url: Where the copies lie, e.g. `s3://bucket/runs/name`; None if all machines see the
            folder.
    """

    folder: Path
    url: str | None = None

    def name(self, place: str | Path) -> str:
        """Name a file or folder as the study does: from the run's folder on, with "/" between."""
        return Path(os.path.relpath(place, self.folder)).as_posix()

    def publish(self, path: str) -> None:
        """Copy a file for the other machines."""
        local = self._local(path)
        if self.url is not None:
            system, remote = self._remote(path)
            system.makedirs(remote.rpartition("/")[0], exist_ok=True)
            # Under another name first: not every system shows a file only once it is whole.
            system.put_file(str(local), f"{remote}.part")
            system.mv(f"{remote}.part", remote)

    def find(self, path: str) -> Path | None:
        """Find a file here, or fetch it from where another machine has put it, if any has."""
        local = self._local(path)
        if local.is_file() or self.url is None:
            return local if local.is_file() else None
        system, remote = self._remote(path)
        if not system.exists(remote):
            return None
        with new_file(local) as beside:
            system.get_file(remote, str(beside))
        return local

    def delete(self, path: str) -> None:
        """Delete a file here and for the other machines; one that is not there is no error."""
        self._local(path).unlink(missing_ok=True)
        if self.url is not None:
            system, remote = self._remote(path)
            if system.exists(remote):
                system.rm_file(remote)

    def _local(self, path: str) -> Path:
        if not _is_among_runs(path):
            raise UserError(f"the study names the file '{path}', which does not lie among the runs")
        return self.folder / path

    def _remote(self, path: str) -> tuple[fsspec.AbstractFileSystem, str]:
        assert self.url is not None
        system, root = fsspec.core.url_to_fs(self.url)
        return system, f"{root.rstrip('/')}/{path}"


def check_artifacts_url(url: str) -> None:
    """Refuse an `--artefacts` that cannot serve, before anything is trained."""
    if hide_password(url) != url:
        # It would be kept in the study, for everybody who opens that.
        raise UserError("--artefacts holds a password; give credentials by the environment instead")
    try:
        system, root = fsspec.core.url_to_fs(url)
        system.makedirs(root, exist_ok=True)
    except (ImportError, ValueError) as error:
        raise UserError(f"--artefacts '{url}' cannot be used: {error}") from error
    except OSError as error:
        raise UserError(f"--artefacts '{url}' cannot be written: {error}") from error


def _is_among_runs(path: str) -> bool:
    # Windows knows more ways to lead elsewhere.
    is_foreign = "\\" in path or bool(PureWindowsPath(path).drive)
    parts = PurePosixPath(posixpath.normpath(path)).parts
    return not PurePosixPath(path).is_absolute() and not is_foreign and ".." not in parts[1:]
