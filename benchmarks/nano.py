"""nanoGPT's setting for a CPU, beside which the recipes for tiny Shakespeare are run: the same seconds, what loss?

    python benchmarks/nano.py FILE [--iterations 2000] [--seed 1337]

A Transformer of 4 layers, 4 heads and 128 units reads windows of 64 characters in batches of 12, as the README of
nanoGPT sets it for a computer without a GPU, with its own estimates of the loss every 250
iterations. Prints the seconds of the whole process, that estimate, and the mean loss of the whole validation part (the
last 10 %) read in windows of 64, which is the figure that recipes are compared with.

Axes: b window, t time, v vocabulary, e features, n character.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import nn
from torch.nn import functional

STARTED = psutil.Process().create_time()
"""Of the process, imports included, as the seconds of a run are counted."""
WINDOW, BATCH, LAYERS, HEADS, FEATURES = 64, 12, 4, 4, 128
RATE, MIN_RATE, WARMUP, DECAY, CLIP = 1e-3, 1e-4, 100, 0.1, 1.0
EVAL_EVERY, EVAL_BATCHES = 250, 20


class Block(nn.Module):  # type: ignore[misc,unused-ignore]
    """Attention and a layer of four times the features, each added to its input."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(FEATURES, bias=False) for _ in range(2))
        self.attend = nn.Linear(FEATURES, 3 * FEATURES, bias=False)
        self.mix = nn.Linear(FEATURES, FEATURES, bias=False)
        self.widen = nn.Linear(FEATURES, 4 * FEATURES, bias=False)
        self.narrow = nn.Linear(4 * FEATURES, FEATURES, bias=False)

    def forward(self, x_bte: torch.Tensor) -> torch.Tensor:
        """Return outputs of the shape of the inputs."""
        b, t, e = x_bte.shape
        parts = self.attend(self.norms[0](x_bte)).split(e, dim=2)
        query, key, value = (part.view(b, t, HEADS, e // HEADS).transpose(1, 2) for part in parts)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x_bte = x_bte + self.mix(mixed.transpose(1, 2).reshape(b, t, e))
        return x_bte + self.narrow(functional.gelu(self.widen(self.norms[1](x_bte))))


class Transformer(nn.Module):  # type: ignore[misc,unused-ignore]
    """Embeddings of symbols (also the output matrix) and places, blocks, a norm."""

    def __init__(self, num_symbols: int) -> None:
        super().__init__()
        self.symbols, self.places = nn.Embedding(num_symbols, FEATURES), nn.Embedding(WINDOW, FEATURES)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(FEATURES, bias=False)
        for name, weights in self.named_parameters():
            if weights.dim() == 2:
                is_residual = name.endswith(("mix.weight", "narrow.weight"))
                nn.init.normal_(weights, std=0.02 / math.sqrt(2 * LAYERS) if is_residual else 0.02)

    def forward(self, ids_bt: torch.Tensor, targets_bt: torch.Tensor) -> torch.Tensor:
        """Return the mean loss in nats per character."""
        x_bte = self.symbols(ids_bt) + self.places(torch.arange(ids_bt.shape[1]))
        for block in self.blocks:
            x_bte = block(x_bte)
        logits_btv = self.norm(x_bte) @ self.symbols.weight.T
        return functional.cross_entropy(logits_btv.flatten(0, 1), targets_bt.flatten())


def draw(ids_n: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a batch of windows at random places, and their targets."""
    starts = torch.randint(len(ids_n) - WINDOW, (BATCH,), generator=generator)
    windows = torch.stack([ids_n[start : start + WINDOW + 1] for start in starts])
    return windows[:, :-1], windows[:, 1:]


def find_rate(iteration: int, num_iterations: int) -> float:
    """Return the rate of an iteration: warmup, then a cosine."""
    if iteration < WARMUP:
        return RATE * (iteration + 1) / (WARMUP + 1)
    share = (iteration - WARMUP) / (num_iterations - WARMUP)
    return MIN_RATE + 0.5 * (1 + math.cos(math.pi * share)) * (RATE - MIN_RATE)


def estimate(model: Transformer, parts: list[torch.Tensor], generator: torch.Generator) -> list[float]:
    """Return the mean loss of some random batches of each part of the text."""
    with torch.no_grad():
        drawn = [[float(model(*draw(part, generator))) for _ in range(EVAL_BATCHES)] for part in parts]
    return [float(np.mean(losses)) for losses in drawn]


def score(model: Transformer, ids_n: torch.Tensor) -> float:
    """Return the mean loss of a whole text, read in windows that follow one another, each from nothing."""
    total, count = 0.0, 0
    for start in range(0, len(ids_n) - 1, WINDOW):
        window = ids_n[start : start + WINDOW + 1][None]
        with torch.no_grad():
            total += float(model(window[:, :-1], window[:, 1:])) * (window.shape[1] - 1)
        count += window.shape[1] - 1
    return total / count


def main() -> None:
    """Train, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--iterations", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1337)
    arguments = parser.parse_args()
    text = arguments.file.read_text(encoding="utf-8")
    ids = {symbol: i for i, symbol in enumerate(sorted(set(text)))}
    ids_n = torch.tensor([ids[symbol] for symbol in text])
    split = int(0.9 * len(ids_n))
    train_n, val_n = ids_n[:split], ids_n[split:]
    torch.manual_seed(arguments.seed)
    generator = torch.Generator().manual_seed(arguments.seed)
    model = Transformer(len(ids))
    matrices = [weights for weights in model.parameters() if weights.dim() >= 2]
    others = [weights for weights in model.parameters() if weights.dim() < 2]
    groups = [{"params": matrices, "weight_decay": DECAY}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.99))
    for iteration in range(arguments.iterations + 1):
        for group in optimizer.param_groups:
            group["lr"] = find_rate(iteration, arguments.iterations)
        if iteration % EVAL_EVERY == 0:
            losses = estimate(model, [train_n, val_n], generator)
            seconds = time.time() - STARTED
            print(f"{iteration:5d}  train {losses[0]:.4f}  val {losses[1]:.4f}  {seconds:.1f} s", flush=True)
        optimizer.zero_grad(set_to_none=True)
        model(*draw(train_n, generator)).backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
    seconds, num_weights = time.time() - STARTED, sum(weights.numel() for weights in model.parameters())
    print(f"{num_weights:,} weights, {seconds:.1f} s, validation loss of the whole part {score(model, val_n):.4f}")


if __name__ == "__main__":
    main()
