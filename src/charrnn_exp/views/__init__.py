"""What a person looks at: the terminal while a run goes, plots after it."""
