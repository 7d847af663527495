"""The report's plots, as plain JSON for plotly.js."""
