from .batching import Batch as Batch, batches as batches
from .data_card import DataCard as DataCard
from .dataset import Dataset as Dataset, VocabularyFrom as VocabularyFrom, prepare as prepare
from .duplicates import repeated as repeated, without_repeated as without_repeated
from .label_order import LabelOrder as LabelOrder
from .saved import load_vocabulary as load_vocabulary, save_vocabulary as save_vocabulary
from .split import (
    CHRONOLOGICAL as CHRONOLOGICAL,
    GROUP as GROUP,
    SHUFFLED as SHUFFLED,
    SPLITS as SPLITS,
    Rows as Rows,
    Split as Split,
    check_group_column as check_group_column,
    make_split as make_split,
)
