"""The model card of an export: README.md in the convention of Hugging Face's model hub."""

from typing import Any

import yaml

from results.export import card_sections as sections
from results.export.card_sections import Subject
from results.export.markdown import text
from results.leaderboard import printable, title, verdict


def card(subject: Subject) -> str:
    """Write a model card.

    Args:
        subject: What it is about.

    Returns:
        Markdown with YAML metadata in front.
    """
    parts = (
        f"# {text(title(subject.row))}",
        "A character-level network that says how probable it is that a record of an "
        "HTTP access log is malicious (label 1). Found by model3-search, an architecture search "
        "on Keras, KerasTuner and Optuna.",
        text(verdict(subject.leaderboard)) + ".",
        sections.how_to(subject),
        sections.data(subject),
        sections.protocol(subject),
        sections.metrics(subject),
        sections.threshold(subject),
        sections.USE,
        sections.limits(subject),
        sections.made_with(subject),
    )
    return f"---\n{metadata(subject)}---\n\n" + "\n\n".join(parts) + "\n"


def metadata(subject: Subject) -> str:
    """Write the card's metadata; https://huggingface.co/docs/hub/model-cards names the keys.

    Args:
        subject: What the card is about.

    Returns:
        YAML.
    """
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
    task = {"type": "text-classification", "name": "Malicious request detection"}
    dataset = {
        "type": "access-log",
        "name": printable(sections.source_name(subject.leaderboard.data)),
        "split": "held-out",
    }
    content: dict[str, Any] = {
        # The right to give it away is the log owner's, and nobody has said more yet.
        "license": "other",
        "license_name": "not-chosen",
        "library_name": "keras",
        "pipeline_tag": "text-classification",
        "tags": ["access-log", "http", "intrusion-detection", "character-level", *subject.formats],
        "metrics": [metric["type"] for metric in metrics],
    }
    if metrics:
        results = [{"task": task, "dataset": dataset, "metrics": metrics}]
        content["model-index"] = [{"name": printable(title(row)), "results": results}]
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=False, width=100)
