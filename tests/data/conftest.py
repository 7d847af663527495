"""What several tests of the data package share."""

from hypothesis import settings

# No deadline: a busy machine is no failure.
settings.register_profile("data", deadline=None)
settings.load_profile("data")
