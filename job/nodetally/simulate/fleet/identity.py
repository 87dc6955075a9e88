"""Numbers in, what tells objects apart out: addresses, uids, names. Every one of a kind has the same length."""

from binascii import hexlify
from hashlib import blake2b
from random import Random

_OCTETS = 156  # from 100 to 255: those that make addresses of one length
MOST_NODES, MOST_PODS = _OCTETS**2, _OCTETS**3  # with addresses of their own
_STEP = 7_919  # a prime larger than 156: steps through addresses and versions in an order that looks like none
_LETTERS = "2456789bcdfghjklmnpqrstvwxz"  # those of Kubernetes' own random names: no vowels, nothing that looks alike
_PAIRS = [(a + b).encode() for a in _LETTERS for b in _LETTERS]
_TRIPLES = [pair + letter.encode() for pair in _PAIRS for letter in _LETTERS]


def address(number: int, among: int) -> bytes:
    """The address of that number among MOST_NODES or MOST_PODS: 14 characters.

    >>> address(0, MOST_NODES), address(1, MOST_NODES)
    (b'10.100.100.100', b'10.100.150.219')
    """
    rest, last = divmod(number * _STEP % among, _OCTETS)
    second, third = divmod(rest, _OCTETS)
    return b"10.%d.%d.%d" % (100 + second, 100 + third, 100 + last)


def digest(seed: int, what: bytes, number: int) -> bytes:
    """128 hexadecimal digits: the source of all that is random about one object."""
    return hexlify(blake2b(b"%d/%b/%d" % (seed, what, number)).digest())


def uuid(digits: bytes) -> bytes:
    """The first 32 digits of a digest in the form of a random uid."""
    return b"%b-%b-4%b-a%b-%b" % (digits[:8], digits[8:12], digits[13:16], digits[17:20], digits[20:32])


def shuffled(number: int, count: int) -> int:
    """A place for each number below count, each place once."""
    return number * _STEP % count if count % _STEP else number


def template_hash(random: Random) -> str:
    """What a controller writes between a workload's name and that of its pod: ten letters."""
    return "".join(random.choices(_LETTERS, k=10))


def suffix(ordinal: int, count: int, jitter: int) -> bytes:
    """The last five letters of a pod's name, which grow with its place among `count` others.

    >>> suffix(0, 2, 0), suffix(1, 2, 0)
    (b'22222', b'jjjjj')
    """
    step = len(_TRIPLES) * len(_PAIRS) // count
    number = ordinal * step + jitter % step
    return _TRIPLES[number // len(_PAIRS)] + _PAIRS[number % len(_PAIRS)]
