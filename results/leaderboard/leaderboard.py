"""All trainings of a run, ranked, with what they rest on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data.reading import LABEL_WORDS
from results.leaderboard.columns import Row
from results.leaderboard.frames import to_frame
from results.leaderboard.selection import Selection
from results.study import ACCURACY, OBJECTIVES, Objective, is_sound, refit_name

if TYPE_CHECKING:
    import pandas as pd

MODEL2 = "model2"
LINEAR = "linear"


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
        """Return what a row is compared with: Model 2 or the linear baseline, of a refit its refit.

        Args:
            row: The row.
            name: `MODEL2` or `LINEAR`.
        """
        return self.find(refit_name(name) if row.kind == "refit" else name)

    def find(self, name: str) -> Row | None:
        """Return the row of that name, e.g. "trial 17", or None."""
        return next((row for row in self.rows if row.name == name), None)

    def to_frame(self) -> "pd.DataFrame":
        """Give the rows as a DataFrame: one row a training, best first, one column a key.

        Returns:
            Figures are float64 (nan if unknown), counts int64, or Int64 if one may be unknown.
        """
        return to_frame(Row, self.rows)
