"""What `--format` takes, and what is missing for it."""

import sys

import pytest

from data.common.errors import UserError
from results.export.formats import MODEL_FORMATS, parse_formats, require_packages


def test_names_come_in_one_order() -> None:
    assert parse_formats("litert, onnx") == ("onnx", "litert")
    assert parse_formats("keras") == ("keras",)
    assert parse_formats("onnx,savedmodel,keras,litert,onnx") == tuple(MODEL_FORMATS)


@pytest.mark.parametrize(("text", "odd"), [("", ""), ("onnx,", ""), ("h5", "h5"), ("ONNX", "ONNX")])
def test_an_unknown_name_is_refused(text: str, odd: str) -> None:
    with pytest.raises(UserError, match=f"--format has '{odd}', but must be some of keras, "):
        parse_formats(text)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    require_packages([*MODEL_FORMATS])
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    says = r"--format litert needs the package ai-edge-litert; install it with: pip .*\[export\]"
    with pytest.raises(UserError, match=says):
        require_packages([*MODEL_FORMATS])
    require_packages(["keras", "savedmodel", "onnx"])
