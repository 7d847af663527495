from .batches import (
    GRID as GRID,
    MAX_LENGTH as MAX_LENGTH,
    Batch as Batch,
    Padding as Padding,
    padded_lengths as padded_lengths,
)
from .card import (
    DataCard as DataCard,
)
from .dataset import (
    Dataset as Dataset,
    VocabularyFrom as VocabularyFrom,
    prepare as prepare,
)
from .encode import (
    Vocabulary as Vocabulary,
)
from .encoded import (
    Encoded as Encoded,
)
from .split import (
    SPLITS as SPLITS,
    Rows as Rows,
    Split as Split,
)
