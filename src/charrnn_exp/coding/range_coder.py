"""A range coder: symbols with whole-number frequencies become bytes, each of about log2(TOTAL / frequency) bits.

The encoder is here, in Python's integers. The decoder needs each symbol before the model can tell the next
frequencies, so it runs inside of the compiled loop of `text_coder`, in int64.

Source: Martin 1979, Range encoding: an algorithm for removing redundancy from a digitised message.
"""

TOTAL_BITS = 30
TOTAL = 1 << TOTAL_BITS
"""Sum of the frequencies of all symbols."""
STATE_BITS = 56
"""Bits of the interval's start: a product with a frequency fits int64."""
WHOLE = 1 << STATE_BITS
LEAST_RANGE = WHOLE >> 8
"""Least width of the interval before a symbol; below it a byte is written. It is 2**18 times TOTAL, so the rounding of
the width costs less than 2**-17 bits a symbol."""
MAX_BYTES_PER_SYMBOL = 4
"""A frequency of 1 leaves a width of at least 2**18, which four bytes bring back to LEAST_RANGE."""


class RangeEncoder:
    """Writes symbols one after another."""

    def __init__(self) -> None:
        self._low, self._width = 0, WHOLE
        self._bytes = bytearray()

    def write(self, start: int, size: int) -> None:
        """Write a symbol.

        Args:
            start: sum of the frequencies of the symbols before it in the alphabet.
            size: its frequency, at least 1; start + size is at most TOTAL.
        """
        unit = self._width >> TOTAL_BITS
        self._low += unit * start
        self._width = unit * size
        self._carry()
        while self._width < LEAST_RANGE:
            self._write_byte()
            self._width <<= 8

    def finish(self) -> bytes:
        """Return all bytes, as few as tell the last interval; after their end a reader finds zeros."""
        for num_bytes in range(STATE_BITS // 8 + 1):
            step = WHOLE >> (8 * num_bytes)
            end = -(-self._low // step) * step
            if end < self._low + self._width:
                break
        self._low, self._width = end, 1
        self._carry()
        for _ in range(num_bytes):
            self._write_byte()
        return bytes(self._bytes).rstrip(b"\0")

    def _write_byte(self) -> None:
        self._bytes.append(self._low >> (STATE_BITS - 8))
        self._low = (self._low << 8) & (WHOLE - 1)

    def _carry(self) -> None:
        """Add what the start has beyond its bits to the bytes that are written."""
        if self._low < WHOLE:
            return
        self._low -= WHOLE
        place = len(self._bytes) - 1
        while self._bytes[place] == 0xFF:
            self._bytes[place] = 0
            place -= 1
        self._bytes[place] += 1
