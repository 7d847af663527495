from .batching import Batch as Batch, batches as batches
from .data_card import DataCard as DataCard
from .dataset import (
    Dataset as Dataset,
    VocabularyFrom as VocabularyFrom,
    prepare as prepare,
    save_vocabulary as save_vocabulary,
)
from .label_order import LabelOrder as LabelOrder
from .split import (
    CHRONOLOGICAL as CHRONOLOGICAL,
    GROUP as GROUP,
    SHUFFLED as SHUFFLED,
    SPLITS as SPLITS,
    Rows as Rows,
    Split as Split,
    check_group_column as check_group_column,
    make_split as make_split,
    repeated as repeated,
    without_repeated as without_repeated,
)
