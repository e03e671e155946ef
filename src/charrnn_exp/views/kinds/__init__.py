"""The views of a run, one kind a file: each makes a page that stands in one file."""
