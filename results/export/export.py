"""The winner as one folder that needs neither the study nor the search, in several formats."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from data.common import Parser, UserError
from results.export.card import card
from results.export.card_sections import Subject
from results.export.conversion import Sample
from results.export.folder import export, versions
from results.export.formats import FORMATS, parse, require_packages
from results.export.preprocessing_doc import preprocessing_text
from results.export.test_vectors import vectors
from results.leaderboard import (
    Leaderboard,
    add_run_argument,
    build_leaderboard,
    format_share,
    open_run,
)
from results.scoring import (
    DEFAULT_RULE,
    Threshold,
    ThresholdRule,
    choose_threshold,
    parse_threshold as parse_threshold,
)
from results.serving import MODEL, Export, Preprocessing, add_space, load_export, register
from results.study import Result, Store, first_training, result_to_export

__all__ = ["Export", "export", "export_trial", "load_export", "main", "versions"]

BEST = "best"
STAND_ALONE = Path(__file__).with_name("assets") / "predict.py"

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Export one trial of a run.

    Args:
        argv: The arguments after the program's name.

    Returns:
        The exit status.
    """
    parser = Parser(
        prog="python -m results.export",
        description=__doc__,
        epilog="example:\n  python -m results.export first --to winner --format keras,onnx "
        "--threshold fpr=0.001",
    )
    add_run_argument(parser)
    add_space(parser)
    parser.add_argument(
        "--trial",
        default=BEST,
        metavar="best|N",
        help="best (the champion, as it was trained again on all training rows where it was), or "
        "the number of a trial, as it was searched (default: %(default)s)",
    )
    written = parser.add_argument_group("export")
    written.add_argument("--to", required=True, type=Path, metavar="DIR", help="the folder to make")
    written.add_argument(
        "--format",
        default="keras",
        metavar="NAME,...",
        help=f"some of {','.join(FORMATS)}; keras is always written (default: %(default)s)",
    )
    written.add_argument(
        "--threshold",
        metavar="SCORE|fpr=RATE|cost=FP:FN",
        default=str(DEFAULT_RULE),
        help="above which score a record is called malicious: a number (default: %(default)s), or "
        "chosen on the validation rows: fpr=RATE (at most so many false alarms), cost=FP:FN (the "
        "cheapest, where a false alarm costs FP and a missed attack FN)",
    )
    options = parser.parse_args(argv)
    rule, formats = parse_threshold(options.threshold), parse(options.format)
    require_packages(formats)
    register(options.space)
    store = open_run(options)
    result = chosen(store.results(), store.champion, options.trial)
    result = result_to_export(store, result) if options.trial == BEST else result
    export_trial(store, build_leaderboard(store), result, options.to, formats=formats, rule=rule)
    log.info("%s is in %s", result.name, options.to)
    return 0


def export_trial(
    store: Store,
    leaderboard: Leaderboard,
    result: Result,
    to: Path,
    *,
    formats: Sequence[str] = ("keras",),
    rule: ThresholdRule = DEFAULT_RULE,
) -> Path:
    """Export one training of a run, with its line of the leaderboard as its metrics.

    A refit has trained on the validation rows: its threshold is the one that they gave before.

    Args:
        store: The run.
        leaderboard: Its leaderboard.
        result: One of its results.
        to: As in `export`.
        formats: As in `export`.
        rule: How the threshold is chosen.

    Returns:
        The folder.

    Raises:
        UserError: As `export`; or if the threshold cannot be chosen.
    """
    dataset = store.dataset
    preprocessing = Preprocessing(
        format=dataset.facts["format"],
        dropped_keys=tuple(dataset.facts["dropped_keys"]),
        unknown=dataset.vocabulary.unknown,
        padding=store.protocol.get("padding", "real"),
    )
    store.find(result, MODEL)  # fetches it from the machine that trained it
    sample, threshold = _scored(store, result, preprocessing, rule)
    row = leaderboard.find(result.name)
    labels = store.heldout_labels()
    heldout = None
    if sample is not None:
        heldout = choose_threshold(labels, sample.scores, ThresholdRule(value=threshold.value))
    if heldout is not None and result.kind == "refit":
        log.info(
            "the threshold is %.6g (--threshold %s), from before the refit; with it %s finds %s of "
            "the malicious held-out records, and calls %s of the normal ones malicious",
            threshold.value,
            threshold.rule,
            result.name,
            format_share(heldout.recall),
            format_share(heldout.false_positive_rate),
        )

    def documents(present: Sequence[str], problems: Mapping[str, str]) -> dict[str, str]:
        if row is None or sample is None or heldout is None:
            return {}
        subject = Subject(
            row=row,
            leaderboard=leaderboard,
            preprocessing=preprocessing,
            threshold=threshold,
            heldout=heldout,
            formats=present,
            problems=problems,
            versions=versions(formats[1:]),
        )
        made = {
            "README.md": card(subject),
            "PREPROCESSING.md": preprocessing_text(preprocessing, threshold),
            "vectors.jsonl": vectors(dataset, sample, preprocessing),
        }
        if "onnx" in present:
            made["predict.py"] = STAND_ALONE.read_text(encoding="utf-8")
        return made

    return export(
        replace(result, artifacts=str(store.folder / result.artifacts)),
        to,
        vocabulary=dataset.vocabulary,
        preprocessing=preprocessing.as_json(),
        protocol={"data": store.data, **store.protocol},
        metrics=asdict(row) if row else {},
        threshold=threshold,
        formats=formats,
        sample=sample,
        documents=documents,
    )


def chosen(results: Sequence[Result], champion: str | None, trial: str) -> Result:
    """Pick the training that `--trial` names.

    Args:
        results: The run's trainings.
        champion: The champion's name, where there is one.
        trial: "best", or a trial's number.

    Returns:
        That training.

    Raises:
        UserError: If there is none.
    """
    if trial == BEST:
        if champion is None:
            raise UserError("this run has no champion; name a trial with --trial N")
        return next(result for result in results if result.name == champion)
    numbered = {str(result.number): result for result in results if result.number is not None}
    if trial not in numbered:
        known = ", ".join(sorted(numbered, key=int)) or "none"
        raise UserError(f"--trial is '{trial}', but must be best or one of: {known}")
    return numbered[trial]


def _scored(
    store: Store, result: Result, preprocessing: Preprocessing, rule: ThresholdRule
) -> tuple[Sample | None, Threshold]:
    """Return the held-out records with their scores, and the threshold of the validation rows."""
    dataset = store.dataset
    scores = store.scores(result)
    threshold = _threshold(store, first_training(store, result), rule)
    if scores is None:
        return None, threshold
    sample = Sample(
        dataset.encoded,
        np.asarray(dataset.split.heldout),
        scores["heldout"],
        preprocessing.padding,
    )
    return sample, threshold


def _threshold(store: Store, result: Result, rule: ThresholdRule) -> Threshold:
    """Choose a threshold on the validation rows, by a training that has not seen them."""
    scores = store.scores(result)
    if scores is not None:
        labels = store.dataset.labels_of(store.dataset.split.validation)
        return choose_threshold(labels, scores["validation"], rule)
    if rule.value is None:
        raise UserError(
            f"--threshold {rule} cannot be chosen: {result.name} has no validation scores "
            f"(status {result.status})"
        )
    return Threshold(rule.value, str(rule))
