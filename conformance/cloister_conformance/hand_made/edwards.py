"""The curve of Ed25519 in whole numbers, after RFC 8032: a second opinion on what libraries compute, and points that none would make."""

from cloister.identity import P, Q

D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]
Projective = tuple[int, int, int]
"""X, Y, Z, with x = X / Z and y = Y / Z: no division until the end."""
NEUTRAL: Point = (0, 1)


def add(one: Projective, other: Projective) -> Projective:
    """Add two points."""
    (X1, Y1, Z1), (X2, Y2, Z2) = one, other
    A = Z1 * Z2
    B = A * A
    E = D * X1 * X2 * Y1 * Y2
    X = A * (B - E) * (X1 * Y2 + X2 * Y1)
    Y = A * (B + E) * (Y1 * Y2 + X1 * X2)
    return X % P, Y % P, (B - E) * (B + E) % P


def add_points(one: Point, other: Point) -> Point:
    """Add two points."""
    return divide(add((*one, 1), (*other, 1)))


def divide(point: Projective) -> Point:
    """Return x and y of a point."""
    X, Y, Z = point
    inverse = pow(Z, -1, P)
    return X * inverse % P, Y * inverse % P


def multiply(scalar: int, point: Point) -> Point:
    """Multiply a point by a number that is not negative."""
    total, power = (*NEUTRAL, 1), (*point, 1)
    while scalar:
        if scalar & 1:
            total = add(total, power)
        power = add(power, power)
        scalar >>= 1
    return divide(total)


def negate(point: Point) -> Point:
    """Take the other point with the same y."""
    return -point[0] % P, point[1]


def compress(point: Point) -> bytes:
    """Encode a point, 32 bytes."""
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def find_point(y: int, sign: int = 0) -> Point | None:
    """Find the point with this y, and the x of this sign, if there is one."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_1 % P
    if x * x % P != square:
        return None
    return (x if x & 1 == sign else -x % P), y


def decompress(encoded: bytes) -> Point:
    """Decode a point that is known to be one."""
    number = int.from_bytes(encoded, "little")
    point = find_point(number % (1 << 255), number >> 255)
    assert point is not None, "this is no point"
    return point


def has_prime_order(point: Point) -> bool:
    """Tell whether a point is of the group that the base point generates."""
    return point != NEUTRAL and multiply(Q, point) == NEUTRAL


def derive_u(point: Point) -> bytes:
    """Derive the u-coordinate on the Montgomery curve, 32 bytes."""
    _, y = point
    return ((1 + y) * pow(1 - y, -1, P) % P).to_bytes(32, "little")


BASE = find_point(4 * pow(5, -1, P) % P) or NEUTRAL


def find_torsion() -> Point:
    """Find a point of order 8, which generates all of low order."""
    y = 2
    while True:
        y += 1
        point = find_point(y)
        if point is None:
            continue
        torsion = multiply(Q, point)
        if multiply(4, torsion) != NEUTRAL:
            return torsion


TORSION = find_torsion()
"""A point of order 8."""
