"""The command `python -m results.export`: exports one trial of a run."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data.common import Parser, UserError
from results.export.formats import KERAS, MODEL_FORMATS, parse_formats, require_packages
from results.leaderboard import add_run_argument
from results.serving import add_space
from results.study import BEST

if TYPE_CHECKING:
    from results.scoring import ThresholdRule
    from results.study import Result, Store

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Export one trial of a run."""
    options = _parser().parse_args(argv)
    # Imported here, so that --help and a wrong option are answered at once.
    from results.leaderboard import open_run
    from results.scoring import parse_threshold
    from results.serving import register_space

    rule, formats = parse_threshold(options.threshold), parse_formats(options.format)
    register_space(options.space)
    store = open_run(options)
    result = export_run(store, options.to, trial=options.trial, formats=formats, rule=rule)
    log.info("%s is in %s", result.name, options.to)
    return 0


def export_run(
    store: "Store",
    to: Path,
    *,
    trial: str = BEST,
    formats: Sequence[str] = (),
    rule: "ThresholdRule",
) -> "Result":
    """Export one trial of a run by `export_trial`, and return what that was.

    `trial` is "best", which is the refit champion if it was trained again, or a trial's number.
    """
    from results.export.export import export_trial
    from results.leaderboard import build_leaderboard
    from results.study import result_to_export

    require_packages(formats)
    result = find_result(store.results(), store.champion, trial)
    result = result_to_export(store, result) if trial == BEST else result
    export_trial(store, build_leaderboard(store), result, to, formats=formats, rule=rule)
    return result


def find_result(results: "Sequence[Result]", champion: str | None, trial: str) -> "Result":
    """Find the training that `--trial` names: "best", or a trial's number."""
    if trial == BEST:
        if champion is None:
            raise UserError("this run has no champion; name a trial with --trial N")
        return next(result for result in results if result.name == champion)
    numbered = {str(result.number): result for result in results if result.number is not None}
    if trial not in numbered:
        known = ", ".join(sorted(numbered, key=int)) or "none"
        raise UserError(f"--trial is '{trial}', but must be best or one of: {known}")
    return numbered[trial]


def _parser() -> Parser:
    parser = Parser(
        prog="python -m results.export",
        description="The winner as one folder that needs neither the study nor the search, in "
        "several formats.",
        epilog="example:\n  python -m results.export first --to winner --format litert "
        "--threshold fpr=0.001",
    )
    add_run_argument(parser)
    add_space(parser)
    parser.add_argument(
        "--trial",
        default=BEST,
        metavar="best|N",
        help="best (the champion, as it was trained again on all training rows if it was), or the "
        "number of a trial, as it was searched (default: %(default)s)",
    )
    written = parser.add_argument_group("export")
    written.add_argument("--to", required=True, type=Path, metavar="DIR", help="the folder to make")
    written.add_argument(
        "--format",
        default=KERAS,
        metavar="NAME,...",
        help=f"some of {','.join(MODEL_FORMATS)}, beside keras and onnx, which are always written; "
        "name onnx to fail if a layer cannot be translated to it (default: keras)",
    )
    written.add_argument(
        "--threshold",
        metavar="SCORE|fpr=RATE|cost=FP:FN",
        default="0.5",
        help="the score above which a record gets label 1: a number (default: %(default)s), "
        "or chosen on the validation rows: fpr=RATE (at most so many false alarms), cost=FP:FN "
        "(the cheapest, if a false alarm costs FP and a missed row of label 1 FN)",
    )
    return parser
