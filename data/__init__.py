"""Access logs in, encoded records and their split out; knows nothing of the other packages."""
