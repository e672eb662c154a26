"""Model files with weights written by hand, so that the real engines run here without a download.

They are no speech models. The Whisper one says the same word whatever it hears; the Piper one hums one tone, 256
samples for each phoneme. What they make possible to test is all the code around a model: loading, features,
tokens, decoding, phonemes, audio.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

HUM_HZ = 220
HUM_RATE_HZ = 22_050
HUM_SAMPLES_PER_PHONEME = 256

_WIDTH = 64
_POSITIONS = 448
_FIRST = 2
"""Tokens before the word: start of transcript, and a time. A hint comes before them, and so cuts the word's start."""


def write_whisper(folder: Path, says: str) -> Path:
    """A CTranslate2 Whisper model for English and its tokenizer.

    With the layers' outputs zero, what comes out of position n is decided by the n-th position encoding alone.
    """
    from ctranslate2.specs.whisper_spec import WhisperSpec

    tokens = _write_tokenizer(folder)
    assert says.isascii()
    assert " " not in says, "these tokens are bytes, and faster-whisper suppresses the lone space"
    word = [*says, "<|endoftext|>"]
    assert len(word) < _WIDTH - _FIRST
    spec = WhisperSpec(1, 2, 1, 2)
    spec.encoder.conv1.weight, spec.encoder.conv1.bias = _zeros(_WIDTH, 80, 3), _zeros(_WIDTH)
    spec.encoder.conv2.weight, spec.encoder.conv2.bias = _zeros(_WIDTH, _WIDTH, 3), _zeros(_WIDTH)
    spec.encoder.position_encodings.encodings = _zeros(1500, _WIDTH)
    _fill(spec.encoder.layer_norm)
    _fill(spec.decoder.layer_norm, gamma=1)
    for layer in (spec.encoder.layer[0], spec.decoder.layer[0]):
        _fill(layer.self_attention.layer_norm)
        _linear(layer.self_attention.linear[0], 3 * _WIDTH, _WIDTH)
        _linear(layer.self_attention.linear[1], _WIDTH, _WIDTH)
        _fill(layer.ffn.layer_norm)
        _linear(layer.ffn.linear_0, 4 * _WIDTH, _WIDTH)
        _linear(layer.ffn.linear_1, _WIDTH, 4 * _WIDTH)
    attention = spec.decoder.layer[0].attention
    _fill(attention.layer_norm)
    for linear, rows in zip(attention.linear, (_WIDTH, 2 * _WIDTH, _WIDTH), strict=True):
        _linear(linear, rows, _WIDTH)

    encodings = _zeros(_POSITIONS, _WIDTH)
    encodings[np.arange(_WIDTH), np.arange(_WIDTH)] = 100
    spec.decoder.position_encodings.encodings = encodings
    embeddings = _zeros(len(tokens), _WIDTH)
    for position, token in enumerate(word, start=_FIRST - 1):
        embeddings[tokens.index(token), position] = 1
    spec.decoder.embeddings.weight = embeddings
    spec.decoder.projection.weight = embeddings * 10

    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = []
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    spec.optimize()
    spec.save(str(folder))
    return folder


def _write_tokenizer(folder: Path) -> list[str]:
    """GPT-2's bytes without merges, and the special tokens of an English-only Whisper."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|startoftranscript|>", "<|translate|>", "<|transcribe|>", "<|startoflm|>",
               "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]  # fmt: skip
    times = [f"<|{0.02 * step:.2f}|>" for step in range(1501)]
    tokenizer = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in special])
    tokenizer.add_tokens([AddedToken(token, special=True) for token in times])
    tokenizer.save(str(folder / "tokenizer.json"))
    return [*letters, *special, *times]


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, dtype=np.float32)


def _fill(norm: object, gamma: float = 0) -> None:
    norm.gamma, norm.beta = np.full(_WIDTH, gamma, dtype=np.float32), _zeros(_WIDTH)  # type: ignore[attr-defined]


def _linear(linear: object, rows: int, columns: int) -> None:
    linear.weight, linear.bias = _zeros(rows, columns), _zeros(rows)  # type: ignore[attr-defined]


def write_piper(folder: Path) -> Path:
    """A Piper model that hums, with its configuration beside it."""
    import onnx
    from onnx import TensorProto, helper
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    def constant(name: str, kind: int, value: float) -> onnx.NodeProto:
        return helper.make_node("Constant", [], [name], value=helper.make_tensor(name, kind, [], [value]))

    nodes = [
        constant("hop", TensorProto.FLOAT, HUM_SAMPLES_PER_PHONEME),
        constant("step", TensorProto.FLOAT, 2 * np.pi * HUM_HZ / HUM_RATE_HZ),
        constant("loudness", TensorProto.FLOAT, 0.5),
        constant("zero", TensorProto.INT64, 0),
        constant("one", TensorProto.INT64, 1),
        helper.make_node("Size", ["input"], ["count"]),
        helper.make_node("Cast", ["count"], ["phonemes"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "one"], ["length_scale"]),
        helper.make_node("Mul", ["phonemes", "hop"], ["samples"]),
        helper.make_node("Mul", ["samples", "length_scale"], ["scaled"]),
        helper.make_node("Cast", ["scaled"], ["end"], to=TensorProto.INT64),
        helper.make_node("Range", ["zero", "end", "one"], ["numbers"]),
        helper.make_node("Cast", ["numbers"], ["time"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["time", "step"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["wave"]),
        helper.make_node("Mul", ["wave", "loudness"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, ["batch", "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["time"])]
    graph = helper.make_graph(nodes, "hum", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    path = folder / "hum.onnx"
    onnx.save(model, str(path))
    config = {
        "num_symbols": 256, "num_speakers": 1, "audio": {"sample_rate": HUM_RATE_HZ}, "espeak": {"voice": "en-us"},
        "phoneme_type": "espeak", "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
    }  # fmt: skip
    Path(f"{path}.json").write_text(json.dumps(config), encoding="utf-8")
    return path
