"""Keras' recurrent layers on CPUs, several times faster: same weights, same mathematics."""
