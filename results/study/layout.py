"""What lies where in a run's folder."""

JOURNAL = "journal.log"
DATA_FOLDER = "data"
CHECKPOINT = "model.keras"
