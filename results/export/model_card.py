"""The model card of an export: README.md in the convention of Hugging Face's model hub.

No value becomes markup in it: neither Markdown nor HTML.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from data.common import printable
from data.records import Preprocessing
from results.export.formats import KERAS, MODEL_FORMATS
from results.leaderboard import (
    COLUMNS,
    Leaderboard,
    Row,
    escaped,
    format_share,
    title,
    verdict,
)
from results.scoring import Threshold
from results.serving import space_option

# The assignment's format: requests to an application. In the others a row may be any short text.
_ACCESS_LOG = "access-log"
_DATA_FACTS = {
    "source": "source",
    "format": "format",
    "rows": "rows",
    "split": "split",
    "group_column": "rows with the same value in it stay in one slice",
    "heldout_repeated": "held-out rows whose text stands in the training rows too",
    "vocabulary": "characters known from",
    "num_words": "ids, padding included",
    "fingerprint": "SHA-256 of the cleaned texts and labels",
}


@dataclass(frozen=True)
class CardSubject:
    """What a model card is about."""

    row: Row
    leaderboard: Leaderboard
    preprocessing: Preprocessing
    threshold: Threshold
    heldout: Threshold  # the same with its rates on the held-out rows
    versions: Mapping[str, str]
    formats: Sequence[str] = ()
    problems: Mapping[str, str] = field(default_factory=dict)  # why it has no other formats

    @property
    def is_access_log(self) -> bool:
        """Whether its rows are requests to an application."""
        return self.preprocessing.format == _ACCESS_LOG

    @property
    def words(self) -> tuple[str, str]:
        """What the log calls label 0 and label 1, as Markdown."""
        normal, malicious = self.leaderboard.label_words
        return escaped(normal), escaped(malicious)


def model_card(subject: CardSubject) -> str:
    """Write a model card: Markdown with YAML metadata in front."""
    parts = (
        f"# {escaped(title(subject.row))}",
        _introduction(subject),
        escaped(verdict(subject.leaderboard)) + ".",
        _usage(subject),
        _data(subject),
        _protocol(subject),
        _metrics(subject),
        _threshold(subject),
        _intended_use(subject),
        _limits(subject),
        "## Made with\n\n"
        + "\n".join(
            f"- {escaped(name)} {escaped(made)}" for name, made in subject.versions.items()
        ),
    )
    return f"---\n{_metadata(subject)}---\n\n" + "\n\n".join(parts) + "\n"


def _introduction(subject: CardSubject) -> str:
    row = "a record of an HTTP access log" if subject.is_access_log else "a text"
    normal, malicious = subject.words
    return (
        f"A character-level network that says how probable it is that {row} has label 1 "
        f"({malicious}) and not label 0 ({normal}). Found by model3-search, an architecture search "
        "on Keras, KerasTuner and Optuna."
    )


def _intended_use(subject: CardSubject) -> str:
    rows, alone = "texts", "decide alone"
    if subject.is_access_log:
        rows = "records of access logs"
        alone = "be the only defense of an application, to block requests without review"
    return f"""## Intended use

- Ranking or flagging {rows} **like those it was trained on** for a person or another system to
  look at.
- Comparing architectures under one protocol, which is what the search was made for.

It is not meant to {alone}, or to judge persons."""


def _metadata(subject: CardSubject) -> str:
    """Write the card's YAML; https://huggingface.co/docs/hub/model-cards names the keys."""
    row = subject.row
    measured = (
        ("accuracy", "Held-out accuracy", row.heldout_accuracy),
        ("f1", "Held-out F1 of label 1", row.f1),
        ("roc_auc", "Held-out area under the ROC curve", row.roc_auc),
    )
    metrics = [
        {"type": kind, "name": name, "value": value}
        for kind, name, value in measured
        if value is not None
    ]
    normal, malicious = map(printable, subject.leaderboard.label_words)
    task = {"type": "text-classification", "name": f"Telling {malicious} from {normal}"}
    domain = ["access-log", "http", "intrusion-detection"] if subject.is_access_log else []
    dataset = {
        "type": subject.preprocessing.format,
        "name": printable(_source_name(subject.leaderboard.data)),
        "split": "held-out",
    }
    content: dict[str, Any] = {
        # Only the log's owner may license the model, and has not been asked.
        "license": "other",
        "license_name": "not-chosen",
        "library_name": "keras",
        "pipeline_tag": "text-classification",
        "tags": [*domain, "character-level", *subject.formats],
        "metrics": [metric["type"] for metric in metrics],
    }
    if metrics:
        results = [{"task": task, "dataset": dataset, "metrics": metrics}]
        content["model-index"] = [{"name": printable(title(row)), "results": results}]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=False, width=100)


def _source_name(data: Mapping[str, Any]) -> str:
    """Name the log without its folder, which would reveal things about this machine."""
    return Path(str(data.get("source", "access log"))).name


def _usage(subject: CardSubject) -> str:
    own = space_option(subject.leaderboard.protocol)
    runtime = "" if "onnx" in subject.formats else f" --runtime keras{own}"
    lines = [
        "## How to use it",
        "`PREPROCESSING.md` says how a raw line becomes `ids`, int32 `[batch, length]` of any "
        "length from 32 on; `vectors.jsonl` has test vectors. With model3-search installed, "
        f"`python -m results.predict FOLDER access.log{runtime}` does all of it.",
    ]
    for name in subject.formats:
        known = MODEL_FORMATS[name]
        lines.append(f"{known.title}: `{known.path}`\n\n```python\n{known.example}\n```")
        if name == KERAS:
            lines.append(_keras_notes(subject))
    if "onnx" in subject.formats:
        lines.append(
            "Stand-alone, with numpy and onnxruntime only:\n\n```sh\npython predict.py access.log"
            "\n```"
        )
    return "\n\n".join(lines)


def _keras_notes(subject: CardSubject) -> str:
    notes = (
        "`config.json`, `metadata.json` and `model.weights.h5` are the parts of `model.keras`: by "
        "them Keras loads a repository of the hub (which needs `huggingface_hub`) or this folder."
    )
    if "keras" in subject.versions:
        notes += (
            f" Use Keras {escaped(subject.versions['keras'])} or later: older ones may refuse it."
        )
    module, _, space = str(subject.leaderboard.protocol.get("space", "")).partition(":")
    if space:
        notes += (
            f" If the model has layers of {code(f'{module}:{space}')}'s own, import "
            f"{code(module)} first, which registers them."
        )
    return notes


def _data(subject: CardSubject) -> str:
    data = subject.leaderboard.data
    slices, shares = data.get("slices", {}), data.get("malicious_share", {})
    rows = [(name, f"{count:,}", format_share(shares.get(name))) for name, count in slices.items()]
    facts = "\n".join(
        f"- {name}: {code(_source_name(data) if key == 'source' else data[key])}"
        for key, name in _DATA_FACTS.items()
        if key in data
    )
    words = zip("01", subject.leaderboard.label_words, strict=True)
    facts += "".join(f"\n- label {label}: {code(word)}" for label, word in words)
    return f"## Data\n\n{facts}\n\n" + table(("slice", "rows", subject.words[1]), rows)


def _protocol(subject: CardSubject) -> str:
    known = subject.leaderboard.protocol
    facts = "\n".join(f"- {escaped(key)}: {code(value)}" for key, value in known.items())
    refit = ""
    if subject.row.kind == "refit":
        refit = (
            " This model is that champion trained again on all training rows, the validation rows "
            "among them, with the same hyperparameters, epochs and batch size, and another seed."
        )
    return (
        f"## Protocol\n\nThe champion was chosen by {subject.leaderboard.choice.best}, before a "
        f"held-out label was looked at.{refit}\n\n{facts}"
    )


def _metrics(subject: CardSubject) -> str:
    """Compare the model with the baselines, and a refit with the other refits, on held-out rows."""
    malicious = subject.words[1]
    is_refit = subject.row.kind == "refit"
    rivals = [
        row
        for row in subject.leaderboard.rows
        if row.heldout_accuracy is not None
        and (
            row.kind == "baseline"
            or row == subject.row
            or (is_refit and (row.kind == "refit" or row.selected))
        )
    ]
    refits = (
        " Refits, trained on all training rows, are compared with Model 2's and the linear "
        "baseline's refits, the champion's refit with the same correction."
    )
    head = (
        "model", "held-out accuracy", "95 % interval", "F1", "AUC", "recall at FPR .1 %",
        "recall at FPR 1 %", "difference to Model 2", "p",
    )  # fmt: skip
    rows = [
        (
            f"**{escaped(title(row))}**" if row == subject.row else escaped(title(row)),
            format_share(row.heldout_accuracy),
            f"{format_share(row.heldout_low)}-{format_share(row.heldout_high)}",
            format_share(row.f1),
            format_share(row.roc_auc),
            format_share(row.recall_at_fpr_0_1),
            format_share(row.recall_at_fpr_1),
            "-" if row.delta_vs_model2 is None else f"{row.delta_vs_model2 * 100:+.1f} points",
            COLUMNS["p_vs_model2"].text(row),
        )
        for row in rivals
    ]
    return (
        f"## Metrics\n\nOn the held-out rows, a record being called {malicious} above .5. "
        "Intervals are Wilson's; p is McNemar's exact test on the same rows, the champion's "
        "Holm-corrected over Model 2 and the linear baseline, in parentheses if it is exploratory."
        + (refits if is_refit else "")
        + "\n\n"
        + table(head, rows)
        + _optimism(subject)
    )


def _optimism(subject: CardSubject) -> str:
    selection = subject.leaderboard.selection
    if selection is None or not subject.row.is_planned:
        return ""
    points = round(selection.optimism * 100, 2) + 0.0  # Never "-0.00".
    before = ", before the refit," if subject.row.champion_refit else ""
    return (
        f"\n\nIt was chosen by {subject.leaderboard.choice.best}; its validation accuracy{before} "
        f"is {format_share(selection.val_accuracy)}. The choice repeated on bootstrap samples "
        f"expects {format_share(selection.expected_accuracy)} (95 % of the samples give "
        f"{format_share(selection.expected_low)} to {format_share(selection.expected_high)}): "
        f"{points:+.2f} points are owed to having been chosen."
    )


def _threshold(subject: CardSubject) -> str:
    chosen, heldout = subject.threshold, subject.heldout
    normal, malicious = subject.words
    before, after = "On the validation rows that", ""
    if subject.row.kind == "refit":
        before = "It is kept from before the refit, when on the validation rows it"
        after = " this model, trained on those as well, has"
    return (
        f"## Threshold\n\nA record is called {malicious} if its score is above "
        f"**{chosen.value:.9g}** (`--threshold {chosen.rule}`). {before} "
        f"finds {format_share(chosen.recall)} of the {malicious} records and calls "
        f"{format_share(chosen.false_positive_rate)} of the {normal} ones {malicious}; on the "
        f"held-out rows{after} {format_share(heldout.recall)} and "
        f"{format_share(heldout.false_positive_rate)}."
    )


def _limits(subject: CardSubject) -> str:
    elsewhere = "texts from elsewhere"
    if subject.is_access_log:
        elsewhere = "another application, another logger or other attacks"
    lines = [
        f"It has learned one log. On {elsewhere} its figures do not hold; measure it there before "
        "it is used. `python -m results.predict DIR FILE --summary` says how far a log is from it.",
        f"It sees the last {subject.preprocessing.max_length:,} characters of a cleaned record; "
        "what stands before them is invisible.",
        "It was not trained against adversarial inputs: who knows it can word a "
        f"{subject.words[1]} record so that it passes.",
        "Scores are not calibrated probabilities; their expected calibration error on the held-out "
        f"rows is {format_share(subject.row.ece)}.",
        "`vectors.jsonl` holds cleaned records of the log, and `training_profile.json` which "
        "character trigrams occur in it: check them for sensitive content before sharing this "
        "folder.",
    ]
    lines += [
        escaped(f"It could not be written as {name}: {problem}.")
        for name, problem in subject.problems.items()
    ]
    if "litert" in subject.formats:
        lines.append(
            "The LiteRT model takes one record at a time, and the time that a bidirectional or "
            "stacked recurrent layer takes in it grows faster than the record's length."
        )
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table from cells that are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def code(value: object) -> str:
    """Write a value as code, fenced by more ticks than it holds."""
    letters = printable(str(value))
    runs = (len(list(run)) for letter, run in itertools.groupby(letters) if letter == "`")
    fence = "`" * (max(runs, default=0) + 1)
    space = " " if letters[:1] == "`" or letters[-1:] == "`" or not letters else ""
    return f"{fence}{space}{letters}{space}{fence}"
