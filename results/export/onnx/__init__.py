"""A model as an ONNX graph: one module a kind of layer or operation."""
