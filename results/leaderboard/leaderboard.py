"""All trainings of a run, ranked, with what they rest on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

from data.reading import LABEL_WORDS
from results.leaderboard.columns import Row
from results.leaderboard.selection import Selection
from results.study import ACCURACY, OBJECTIVES, Objective, is_sound, refit_name

if TYPE_CHECKING:
    import pandas as pd

MODEL2 = "model2"
LINEAR = "linear"

_DTYPES: dict[Any, str] = {
    bool: "bool",
    int: "int64",
    int | None: "Int64",
    float: "float64",
    float | None: "float64",
}


@dataclass(frozen=True)
class Leaderboard:
    """All trainings of a run, ranked.

    Attributes:
        data: What they learned from: fingerprint, rows, split, class shares.
        protocol: How they learned: vocabulary, epochs, batch size, seeds.
        rows: Best first.
        selection: What the champion's validation score owes to the choice; None if unknown.
        chosen_by: Name of the objective by which the champion was chosen.
    """

    data: dict[str, Any]
    protocol: dict[str, Any]
    rows: tuple[Row, ...]
    selection: Selection | None = None
    chosen_by: str = ACCURACY.name

    @property
    def choice(self) -> Objective:
        """The objective by which the champion was chosen."""
        return OBJECTIVES[self.chosen_by]

    @property
    def label_words(self) -> tuple[str, str]:
        """What the log itself calls label 0 and label 1; the usual words for an older run."""
        match self.data.get("label_words"):
            case [str(normal), str(malicious)]:
                return normal, malicious
        return LABEL_WORDS

    @property
    def champion(self) -> Row | None:
        """The selected row."""
        return next((row for row in self.rows if row.selected), None)

    @property
    def refit(self) -> Row | None:
        """The champion's refit."""
        return next((row for row in self.rows if row.champion_refit), None)

    @property
    def exported(self) -> Row | None:
        """What the run exports: the champion's refit if it is sound, or the champion."""
        refit = self.refit
        if refit is not None and is_sound(refit.status, refit.reason):
            return refit
        return self.champion

    @property
    def repeated(self) -> list[Row]:
        """The rows that were trained with several seeds."""
        return [row for row in self.rows if row.repeats > 1]

    def reference(self, row: Row, name: str) -> Row | None:
        """Return what a row is compared with: `MODEL2` or `LINEAR`, of a refit its refit."""
        return self.find(refit_name(name) if row.kind == "refit" else name)

    def compared(self) -> list[Row]:
        """List the champion, Model 2 and linear, then the refits of the three: those there are."""
        refit = self.refit
        rows = [self.champion, self.find(MODEL2), self.find(LINEAR)]
        if refit is not None:
            rows += [refit, self.reference(refit, MODEL2), self.reference(refit, LINEAR)]
        return [row for row in rows if row is not None]

    def find(self, name: str) -> Row | None:
        """Return the row of that name, e.g. "trial 17", or None."""
        return next((row for row in self.rows if row.name == name), None)

    def to_frame(self) -> "pd.DataFrame":
        """Return the rows as a DataFrame: one row a training, best first, one column a key.

        Returns:
            Figures are float64 (nan if unknown), counts int64, or Int64 if one may be unknown.
        """
        return to_frame(Row, self.rows)


def to_frame(of: type, rows: Sequence[Any], without: Collection[str] = ()) -> "pd.DataFrame":
    """Return dataclasses as a DataFrame: a row each, a column for each attribute not left out."""
    import pandas as pd

    hints = {name: hint for name, hint in get_type_hints(of).items() if name not in without}
    found = [[getattr(row, name) for name in hints] for row in rows]
    frame = pd.DataFrame(found, columns=list(hints))
    return frame.astype({name: _DTYPES[hint] for name, hint in hints.items() if hint in _DTYPES})
