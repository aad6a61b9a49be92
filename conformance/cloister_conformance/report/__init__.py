"""The forms in which a report is written, one module each; JSON is the model itself, JUnit is pytest's own."""
