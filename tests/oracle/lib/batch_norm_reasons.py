"""Why a batch norm may be left in a result: the closed list of batch_norms.py."""

REASONS = {
    "training mode": "is_training is true: it normalizes by the batch",
    "computed statistics": "mean and variance are computed from the input (layer normalization, training, a chosen branch)",
    "computed parameters": "scale, offset, mean or variance is no constant",
    "no linear neighbour": "what it reads is no convolution or product with constant weights, nor is what reads it",
    "several readers": "something else reads the convolution, or the batch norm, too: folding would need a copy of the weights",
    "shared weights": "other convolutions use the same weights",
    "padding": "it stands before a convolution that pads with zeros, which would have to be padded with another value",
    "control flow": "it stands in a branch or a loop: its parameters or neighbours pass a Switch, Merge or Enter",
    "output": "the convolution before it is an output of a signature",
    "no parameters": "scale and shift do not fit one value a channel of the neighbour",
}
