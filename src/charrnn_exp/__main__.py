"""`python -m charrnn_exp`."""

from charrnn_exp.cli import run

if __name__ == "__main__":
    run()
