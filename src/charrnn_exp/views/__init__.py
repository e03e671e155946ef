"""Output for people: the terminal during a run, plots after it."""
