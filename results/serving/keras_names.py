"""What a Keras model may be made of, so that loading it runs Keras' own arithmetic and no more."""


def names(text: str) -> frozenset[str]:
    """Split a text into names.

    Args:
        text: Names with blanks between them.
    """
    return frozenset(text.split())


# Left out on purpose: what brings code along (Lambda, JaxLayer, FlaxLayer, TorchModuleWrapper),
# what reads files at loading (TFSMLayer, StringLookup, IntegerLookup, TextVectorization), and
# what works on pictures and sound.
LAYERS = names(
    """
    Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D
    AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add
    AdditiveAttention AlphaDropout Attention Average AveragePooling1D AveragePooling2D
    AveragePooling3D BatchNormalization Bidirectional CategoryEncoding Concatenate Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    Cropping1D Cropping2D Cropping3D Dense DepthwiseConv1D DepthwiseConv2D Dot Dropout ELU
    EinsumDense Embedding Flatten GRU GRUCell GaussianDropout GaussianNoise
    GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalMaxPooling1D
    GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention Identity
    InputLayer LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D
    MaxPooling3D Maximum Minimum MultiHeadAttention Multiply Normalization PReLU Permute
    RMSNormalization RNN ReLU RepeatVector Rescaling Reshape ReversibleEmbedding SeparableConv1D
    SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D SpatialDropout2D
    SpatialDropout3D SpectralNormalization StackedRNNCells Subtract TimeDistributed
    UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D
    ZeroPadding3D
    """
)

# Operations of keras.ops without those that call a function of the model's: Map, Scan, Cond...
_CORE = names(
    "Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack"
)

# Which classes may be named in each of Keras' modules; None stands for all of them.
CLASSES: dict[str, frozenset[str] | None] = {
    "keras": frozenset({"DTypePolicy", "Functional", "Model", "Sequential"}),
    "keras.layers": LAYERS,
    "keras.models": frozenset({"Functional", "Model", "Sequential"}),
    "keras.src.models.functional": frozenset({"Functional"}),
    "keras.src.models.sequential": frozenset({"Sequential"}),
    "keras.src.ops.core": _CORE,
    "keras.src.ops.linalg": None,
    "keras.src.ops.math": None,
    "keras.src.ops.nn": None,
    "keras.src.ops.numpy": None,
    "keras.constraints": None,
    "keras.dtype_policies": None,
    "keras.initializers": None,
    "keras.losses": None,
    "keras.metrics": None,
    "keras.optimizers": None,
    "keras.optimizers.schedules": None,
    "keras.regularizers": None,
}

# Where a function that is named is an activation.
FUNCTIONS = frozenset({"builtins", "keras.activations"})
NO_ACTIVATIONS = frozenset({"deserialize", "get", "serialize"})

# Values that Keras writes as objects of no module.
VALUES = frozenset({"__bytes__", "__ellipsis__", "__keras_tensor__", "__slice__"})
ARRAYS = frozenset({"__numpy__", "__tensor__"})
DTYPES = names(
    "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 bfloat16 float16 float32 float64"
)

# The members of a .keras file, and how many bytes each may have at most. The config of a hundred
# layers has a twentieth of that.
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = {CONFIG: 2**22, METADATA: 2**16, WEIGHTS: 2**32}
