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
from .duplicates import (
    repeated as repeated,
    without_repeated as without_repeated,
)
from .encoding import (
    Encoded as Encoded,
    Vocabulary as Vocabulary,
    encode as encode,
)
from .label_order import (
    LabelOrder as LabelOrder,
)
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
