"""The onnx format: a graph of ONNX' own operators, for onnxruntime and others.

Axes: b stream, t time, e input features, h hidden units, z gates, v vocabulary.
"""

from pathlib import Path
from typing import Any

import numpy as np

from charrnn_exp.exporting.parts import Array, LayerParts, Parts
from charrnn_exp.model.network import NORM_EPSILON

FILE = "model.onnx"
OPSET, IR_VERSION = 17, 8
"""The oldest that have layer norm as an operator."""
OPERATORS = {"lstm": "LSTM", "gru": "GRU", "rnn": "RNN"}
GATES = {"lstm": (0, 3, 1, 2), "gru": (0, 1, 2), "rnn": (0,)}
"""Our gates in the order of the operators: i, o, f, c of i, f, g, o; z, r, h as they are."""
LAYOUT = """\
model.onnx (opset 17) takes ids (int64 [b, t]) and the states that model.json names ([b, h] each, float32), and gives
logits ([b, t, v]) and the states after the last id, in the same order; their names begin with new_.
"""


def write_onnx_graph(parts: Parts, folder: Path) -> None:
    """Write the graph into a folder."""
    import onnx

    model = build_onnx_graph(parts)
    onnx.checker.check_model(model, full_check=True)
    (folder / FILE).write_bytes(model.SerializeToString())


def build_onnx_graph(parts: Parts) -> Any:
    """Return the graph, with its weights."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: dict[str, Any] = {"one": np.array([1], np.int64), "zero": np.array([0], np.int64)}

    def add(operator: str, inputs: list[str], *outputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(operator, inputs, [*outputs], name=outputs[0], **attributes))
        return outputs[0]

    if parts.vectors_ve is None:
        constants |= {"depth": np.array(parts.num_symbols, np.int64), "off_on": np.array([0, 1], np.float32)}
        features = add("OneHot", ["ids", "depth", "off_on"], "inputs")
    else:
        constants["vectors"] = parts.vectors_ve
        features = add("Gather", ["vectors", "ids"], "inputs")
    features = add("Transpose", [features], "inputs_by_time", perm=[1, 0, 2])
    for i, layer in enumerate(parts.layers, start=1):
        constants |= _lay_out(parts.cell.name, layer, f"layer_{i}")
        states = [add("Unsqueeze", [f"state_{i}_{name}", "zero"], f"start_{i}_{name}") for name in layer.first_states]
        ends = [f"end_{i}_{name}" for name in layer.first_states]
        operands = [features, *(f"layer_{i}_{each}" for each in "WRB"), "", *states]
        more = {"linear_before_reset": 1} if parts.cell.name == "gru" else {}
        stacked = add(OPERATORS[parts.cell.name], operands, f"stack_{i}", *ends, hidden_size=parts.hidden_size, **more)
        for end, name in zip(ends, layer.first_states, strict=True):
            add("Squeeze", [end, "zero"], f"new_state_{i}_{name}")
        above = add("Squeeze", [stacked, "one"], f"outputs_{i}")
        if layer.norm is not None:
            constants[f"gain_{i}"], constants[f"shift_{i}"] = layer.norm
            above = add("LayerNormalization", [above, f"gain_{i}", f"shift_{i}"], f"norm_{i}", epsilon=NORM_EPSILON)
        features = add("Add", [above, features], f"sum_{i}") if layer.adds_inputs else above
    constants |= {"kernel": parts.output_hv, "bias": parts.output_bias_v}
    products = add("MatMul", [add("Transpose", [features], "features", perm=[1, 0, 2]), "kernel"], "products")
    add("Add", [products, "bias"], "logits")

    def declare(name: str, kind: int, *shape: Any) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    names = [*parts.list_states()]
    size = parts.hidden_size
    graph = helper.make_graph(
        nodes,
        "charrnn",
        [declare("ids", TensorProto.INT64, "b", "t"), *(declare(n, TensorProto.FLOAT, "b", size) for n in names)],
        [
            declare("logits", TensorProto.FLOAT, "b", "t", parts.num_symbols),
            *(declare(f"new_{n}", TensorProto.FLOAT, "b", size) for n in names),
        ],
        [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="charrnn_exp"
    )


def _lay_out(cell: str, layer: LayerParts, prefix: str) -> dict[str, Array]:
    """Return the operands W [1, z, e], R [1, z, h] and B [1, 2z] of a recurrent operator."""

    def turn(array: Array) -> Array:
        """Return gates, the last axis, in the operator's order."""
        gates = np.split(array, len(GATES[cell]), axis=-1)
        return np.concatenate([gates[place] for place in GATES[cell]], axis=-1)

    bias = turn(layer.weights["bias"])
    both = bias if bias.ndim == 2 else np.stack([bias, np.zeros_like(bias)])
    return {
        f"{prefix}_W": turn(layer.weights["kernel"]).T[None],
        f"{prefix}_R": turn(layer.weights["recurrent_kernel"]).T[None],
        f"{prefix}_B": both.reshape(1, -1),
    }
