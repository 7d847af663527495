"""The notebook's way from a log to padded ids: pandas, json, Keras's Tokenizer, pad_sequences."""

import json
from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from keras.src.legacy.preprocessing.text import Tokenizer
from keras.utils import pad_sequences

from data.dataset.batching import MAX_LENGTH
from data.reading import DROPPED_KEYS


def encode(path: Path) -> npt.NDArray[np.int32]:
    """Read and encode a log as the notebook does.

    Its `engine='python'` is left out: pandas's own default is faster, so the rival is stronger.

    Args:
        path: A log in the brief's format, plain or compressed.

    Returns:
        Padded ids, int32 [n, 1024].
    """
    frame = pd.read_csv(path, quotechar="|", header=None, encoding="utf-8")
    texts = frame.values[:, 0]
    for index, item in enumerate(texts):
        record = json.loads(item, object_pairs_hook=OrderedDict)
        for key in DROPPED_KEYS:
            if key in record:
                del record[key]
        texts[index] = json.dumps(record, separators=(",", ":"))
    tokenizer = Tokenizer(filters="\t\n", char_level=True)
    tokenizer.fit_on_texts(texts)
    sequences = tokenizer.texts_to_sequences(texts)
    padded: npt.NDArray[np.int32] = pad_sequences(sequences, maxlen=MAX_LENGTH)
    return padded
