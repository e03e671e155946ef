"""What a trained network does on a piece of text: its losses, guesses, hidden values and gradients, as plain arrays."""
