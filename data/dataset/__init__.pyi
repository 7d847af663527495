from .batching import (
    GRID as GRID,
    MAX_LENGTH as MAX_LENGTH,
    Batch as Batch,
    Padding as Padding,
    batches as batches,
    padded_lengths as padded_lengths,
)
from .data_card import (
    DataCard as DataCard,
)
from .dataset import (
    Dataset as Dataset,
    VocabularyFrom as VocabularyFrom,
    prepare as prepare,
)
from .encoding import (
    Encoded as Encoded,
    Vocabulary as Vocabulary,
    encode as encode,
)
from .split import (
    SPLITS as SPLITS,
    Rows as Rows,
    Split as Split,
    make_split as make_split,
)
