"""The sections of a model card, each a piece of markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results.export.formats import FORMATS
from results.export.markdown import code, table, text
from results.leaderboard import COLUMNS, Leaderboard, Row, format_share, title
from results.scoring import Threshold
from results.serving import Preprocessing

SNIPPETS = {
    "keras": (
        "Keras",
        'model = keras.models.load_model("model.keras", compile=False)\n'
        "score = model(ids, training=False)",
    ),
    "savedmodel": (
        "TensorFlow, without Keras",
        'model = tf.saved_model.load("saved_model")\nscore = model.serve(ids)',
    ),
    "onnx": (
        "ONNX Runtime (`predict.py` does this for raw lines)",
        'session = onnxruntime.InferenceSession("model.onnx")\n'
        "score = session.run(None, {session.get_inputs()[0].name: ids})[0]",
    ),
    "litert": (
        "LiteRT, one record at a time",
        'model = ai_edge_litert.interpreter.Interpreter("model.tflite")\n'
        'index = model.get_input_details()[0]["index"]\n'
        "model.resize_tensor_input(index, ids.shape, strict=True)\n"
        "model.allocate_tensors()\n"
        "model.set_tensor(index, ids)\n"
        "model.invoke()\n"
        'score = model.get_tensor(model.get_output_details()[0]["index"])',
    ),
}


@dataclass(frozen=True)
class Subject:
    """What a model card is about.

    Attributes:
        row: The model's line of the leaderboard.
        leaderboard: The whole of it.
        preprocessing: What is done to a record.
        threshold: From which score on a record is called malicious.
        heldout: The same threshold with its rates on the held-out rows.
        formats: In which formats the model is there.
        problems: Why it is not there in others, by format.
        versions: Of Python and the packages that made it.
    """

    row: Row
    leaderboard: Leaderboard
    preprocessing: Preprocessing
    threshold: Threshold
    heldout: Threshold
    formats: Sequence[str]
    problems: Mapping[str, str]
    versions: dict[str, str]


def how_to(subject: Subject) -> str:
    """Say how the model is loaded in each of its formats."""
    lines = [
        "## How to use it",
        "`PREPROCESSING.md` says how a raw line becomes `ids`, int32 `[batch, length]` of any "
        "length from 32 on; `vectors.jsonl` has test vectors. With model3-search installed, "
        "`python -m results.predict FOLDER access.log` does all of it.",
    ]
    for name in subject.formats:
        head, snippet = SNIPPETS[name]
        lines.append(f"{head}: `{FORMATS[name].path}`\n\n```python\n{snippet}\n```")
    if "onnx" in subject.formats:
        lines.append(
            "Stand-alone, with numpy and onnxruntime only:\n\n```sh\npython predict.py access.log"
            "\n```"
        )
    return "\n\n".join(lines)


def source_name(data: Mapping[str, Any]) -> str:
    """Name a log without its folder, which tells things about a machine that nobody need know.

    Args:
        data: The leaderboard's `data`.
    """
    return Path(str(data.get("source", "access log"))).name


def data(subject: Subject) -> str:
    """Say what it learned from."""
    data = subject.leaderboard.data
    slices, shares = data.get("slices", {}), data.get("malicious_share", {})
    rows = [(name, f"{count:,}", format_share(shares.get(name))) for name, count in slices.items()]
    facts = "\n".join(
        f"- {name}: {code(source_name(data) if key == 'source' else data[key])}"
        for key, name in (
            ("source", "source"),
            ("format", "format"),
            ("rows", "rows"),
            ("split", "split"),
            ("vocabulary", "characters known from"),
            ("num_words", "ids, padding included"),
            ("fingerprint", "SHA-256 of the cleaned texts and labels"),
        )
        if key in data
    )
    return f"## Data\n\n{facts}\n\n" + table(("slice", "rows", "malicious"), rows)


def protocol(subject: Subject) -> str:
    """Say how it learned."""
    known = subject.leaderboard.protocol
    facts = "\n".join(f"- {text(key)}: {code(value)}" for key, value in known.items())
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


def metrics(subject: Subject) -> str:
    """Compare it with the baselines on the held-out rows."""
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
            f"**{text(title(row))}**" if row == subject.row else text(title(row)),
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
        "## Metrics\n\nOn the held-out rows, a record being called malicious above .5. Intervals "
        "are Wilson's; p is McNemar's exact test on the same rows, the champion's Holm-corrected "
        "over Model 2 and the linear baseline, in parentheses where it is exploratory."
        + (refits if is_refit else "")
        + "\n\n"
        + table(head, rows)
        + _optimism(subject)
    )


def _optimism(subject: Subject) -> str:
    selection = subject.leaderboard.selection
    if selection is None or not subject.row.is_planned:
        return ""
    before = ", before the refit," if subject.row.champion_refit else ""
    return (
        f"\n\nIt was chosen by {subject.leaderboard.choice.best}; its validation accuracy{before} "
        f"is {format_share(selection.val_accuracy)}. The choice repeated on bootstrap samples "
        "expects "
        f"{format_share(selection.expected_accuracy)} "
        f"({format_share(selection.expected_low)} to {format_share(selection.expected_high)}): "
        f"{selection.optimism * 100:+.2f} points are owed to having been chosen."
    )


def threshold(subject: Subject) -> str:
    """Say from which score on a record is called malicious."""
    chosen, heldout = subject.threshold, subject.heldout
    before, after = "On the validation rows that", ""
    if subject.row.kind == "refit":
        before = "It is kept from before the refit, when on the validation rows it"
        after = " this model, trained on those as well, has"
    return (
        f"## Threshold\n\nA record is called malicious where its score is above "
        f"**{chosen.value:.6g}** (`--threshold {chosen.rule}`). {before} "
        f"finds {format_share(chosen.recall)} of the malicious records and calls "
        f"{format_share(chosen.false_positive_rate)} of the normal ones malicious; on the "
        f"held-out rows{after} {format_share(heldout.recall)} and "
        f"{format_share(heldout.false_positive_rate)}."
    )


USE = """## Intended use

- Ranking or flagging records of access logs **like those it was trained on** (same application,
  same record format) for a person or another system to look at.
- Comparing architectures under one protocol, which is what the search was made for.

It is not meant to be the only defence of an application, to block requests without review, or to
judge persons."""


def limits(subject: Subject) -> str:
    """Say what it cannot do."""
    lines = [
        "It has learned one log. On another application, another logger or other attacks its "
        "figures do not hold; measure it there before it is used.",
        f"It sees the last {subject.preprocessing.max_length:,} characters of a cleaned record; an "
        "attack before them is invisible.",
        "Whoever knows it can word an attack so that it passes: it was not trained against that.",
        "A score is no calibrated probability; its expected calibration error on the held-out "
        f"rows is {format_share(subject.row.ece)}.",
        "`vectors.jsonl` holds cleaned records of the log: mind what is in them before this "
        "folder is given away.",
    ]
    lines += [
        text(f"It could not be written as {name}: {problem}.")
        for name, problem in subject.problems.items()
    ]
    if "litert" in subject.formats:
        lines.append(
            "The LiteRT model takes one record at a time, and the time that a bidirectional or "
            "stacked recurrent layer takes in it grows faster than the record's length."
        )
    return "## Limits\n\n" + "\n".join(f"- {line}" for line in lines)


def made_with(subject: Subject) -> str:
    """Say what it was made with."""
    return "## Made with\n\n" + "\n".join(
        f"- {text(name)} {text(version)}" for name, version in subject.versions.items()
    )
