"""What `--format` takes, and what is missing for it."""

import sys

import pytest

from data.common.errors import UserError
from results.export.formats import MODEL_FORMATS, parse_formats, require_packages


def test_names_come_in_one_order_and_keras_is_always_there() -> None:
    assert parse_formats("litert, onnx") == ("keras", "onnx", "litert")
    assert parse_formats("keras") == ("keras",)
    assert parse_formats("onnx,savedmodel,keras,litert,onnx") == tuple(MODEL_FORMATS)


@pytest.mark.parametrize(("text", "odd"), [("", ""), ("onnx,", ""), ("h5", "h5"), ("ONNX", "ONNX")])
def test_an_unknown_name_is_refused(text: str, odd: str) -> None:
    with pytest.raises(UserError, match=f"--format has '{odd}', but must be some of keras, "):
        parse_formats(text)


@pytest.mark.parametrize(
    ("name", "package", "called"),
    [
        ("onnx", "onnxruntime", "onnxruntime"),
        ("onnx", "onnx", "onnx"),
        ("litert", "ai_edge_litert", "ai-edge-litert"),
    ],
)
def test_a_missing_package_is_named(
    name: str, package: str, called: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_packages([*MODEL_FORMATS])
    monkeypatch.setitem(sys.modules, package, None)
    says = rf"--format {name} needs the package {called}; install it with: pip .*\[export\]"
    with pytest.raises(UserError, match=says):
        require_packages([*MODEL_FORMATS])
    require_packages(["keras", "savedmodel"])
