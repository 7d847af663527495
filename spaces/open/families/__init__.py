"""The families of the space `open`: each module in this package is one.

A family is all of its file: what may be drawn, and the layers of a draw. It has two functions:

    declare(hp)                     Declares its hyperparameters and reads the current draw off
                                    them; what it returns is its own affair.
    build(ids, drawn, num_words)    Maps int32 [batch, length] to [batch, units], by stock Keras
                                    layers and operations only, so that a saved model loads in
                                    plain Keras, in safe mode and without this project's code.

What all have in common (head, optimizer, schedule) is Model 3's.
"""
