"""The options that say what a log is and how its rows are split, of every command that reads one.

Each is a field, declared only here; the parsers, `--help` and the TOML file are made from them.
"""

# ruff: noqa: RUF009 - `option` returns a field, as `dataclasses.field` does.

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from data.common import UserError, byte_count, filled, integer, join_names, option, split_names
from data.dataset import CHRONOLOGICAL, GROUP, SHUFFLED, SPLITS, VocabularyFrom, check_group_column
from data.reading import LOG_FORMATS, AccessLog, read_class_files, read_log, split_keys
from data.records import DROPPED_KEYS
from data.source import MAX_BYTES, encoding_name

if TYPE_CHECKING:
    import pandas as pd

# Options that say what and where the texts and labels of a log in one file are.
_OF_ONE_FILE = (
    *("data", "format", "text_column", "label_column", "positive", "negative", "group_column"),
)

_data = partial(option, group="data")
_names = partial(_data, parse=split_names, show=join_names, is_list=True)
_file = partial(_data, parse=filled, metavar="FILE", is_given_once=True)


@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """What a log is and how its rows are split: options, which carry their help.

    Raises:
        UserError: If two options contradict each other.
    """

    data: str | None = _file(
        None,
        help="plain, .gz, .xz, .zip or .parquet, an fsspec URL, '-' for standard input "
        "(default: a synthetic log that the project generates)",
    )
    negative_file: str | None = _file(
        None,
        help="instead of one log, texts of label 0, one per line or as a JSON list of strings",
    )
    positive_file: str | None = _file(
        None,
        help="texts of label 1, beside --negative-file; both are mixed (--split shuffled)",
    )
    text_column: tuple[str, ...] | None = _names(
        None,
        metavar="NAME|NUMBER,...",
        help="the texts' column of a table, or several, which are joined by spaces (default: "
        "found, if there are two columns)",
    )
    label_column: str | None = _data(
        None,
        parse=filled,
        metavar="NAME|NUMBER",
        help="the labels' column, or the key of a JSON record's label, which may lie in an "
        "object (event.kind; default: found)",
    )
    positive: tuple[str, ...] | None = _names(
        None,
        metavar="VALUE,...",
        help="labels that count as 1, all others being 0 (default: 0 and 1 and usual words such "
        "as ham and spam are known)",
    )
    negative: tuple[str, ...] | None = _names(
        None,
        metavar="VALUE,...",
        help="instead of --positive, labels that count as 0, all others being 1",
    )
    format: str | None = _data(None, choices=tuple(LOG_FORMATS), help="default: guessed")
    encoding: str | None = _data(
        None,
        parse=encoding_name,
        metavar="NAME",
        help="character encoding of a log that is not in UTF-8, e.g. latin-1 (default: UTF-8, or "
        "UTF-16 if the log begins with its mark)",
    )
    dropped_keys: tuple[str, ...] = _data(
        DROPPED_KEYS,
        parse=split_keys,
        show=join_names,
        metavar="KEY,...",
        help="keys deleted from each record (default: %(default)s)",
    )
    skip_bad_rows: bool = _data(False, help="leave bad rows out, count them")
    rows: int | None = _data(
        None,
        parse=integer(1),
        metavar="N",
        help=f"use N rows only: the first ones if --split is {CHRONOLOGICAL}, else a random sample "
        "of the whole log (default: all)",
    )
    max_bytes: int = _data(
        MAX_BYTES,
        parse=byte_count,
        metavar="SIZE",
        help="stop at a log that unpacks to more, e.g. 500M or 4G (default: 16G)",
    )
    split: str = _data(
        CHRONOLOGICAL,
        choices=SPLITS,
        help="which rows train, validate and are held out: by time, at random, at random with "
        "equal shares of the classes, or so that rows which belong together stay together "
        "(default: %(default)s)",
    )
    group_column: str | None = _data(
        None,
        parse=filled,
        metavar="NAME",
        help=f"rows with the same value in it stay in one slice, for --split {GROUP}",
    )
    drop_duplicates: bool = _data(
        False,
        help="leave out held-out rows whose text occurs in the training part, and validation rows "
        "whose text is fitted",
    )
    vocabulary: VocabularyFrom = _data(
        "train",
        choices=("train", "all"),
        help="rows whose characters get ids; 'all' is the notebook's leak (default: %(default)s)",
    )

    def __post_init__(self) -> None:
        """Refuse what contradicts itself; the rows of two classes' files are mixed."""
        check_group_column(self.split, self.group_column)
        given = {"--negative-file": self.negative_file, "--positive-file": self.positive_file}
        if not any(given.values()):
            return
        for missing, value in given.items():
            if value is None:
                (other,) = (name for name in given if name != missing)
                raise UserError(f"{other} is '{given[other]}', but {missing} is missing; give both")
        for name in _OF_ONE_FILE:
            if value := getattr(self, name):
                shown = join_names(value) if isinstance(value, tuple) else value
                raise UserError(
                    f"--{name.replace('_', '-')} is '{shown}', but --negative-file and "
                    "--positive-file hold texts of one class each; leave it out"
                )
        if self.split == CHRONOLOGICAL:
            object.__setattr__(self, "split", SHUFFLED)

    @property
    def class_files(self) -> tuple[str, str] | None:
        """The files of label 0 and label 1, if each class has its own."""
        if self.negative_file is None or self.positive_file is None:
            return None
        return self.negative_file, self.positive_file

    def read(self, source: "str | pd.DataFrame | None" = None) -> AccessLog:
        """Read the log: the two classes' files if they were given, else `source` or `data`.

        Raises:
            UserError: As `read_log` and `read_class_files`.
        """
        how: dict[str, Any] = {
            "skip_bad_rows": self.skip_bad_rows,
            "max_bytes": self.max_bytes,
            "encoding": self.encoding,
            "rows": self.rows,
        }
        if self.class_files is not None:
            return read_class_files(*self.class_files, **how)
        source = self.data if source is None else source
        assert source is not None
        return read_log(
            source,
            **how,
            format=self.format,
            dropped_keys=self.dropped_keys,
            group_column=self.group_column,
            drawn=self.split != CHRONOLOGICAL,
            text_column=self.text_column,
            label_column=self.label_column,
            positive=self.positive,
            negative=self.negative,
        )
