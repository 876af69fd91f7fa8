"""What there is to see: products, of which few are seen by many, and the pages around them."""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

PRODUCTS = 400
SHOP = "https://shop.example"
CHECKOUT_URL = f"{SHOP}/checkout"
THANKS_URL = f"{SHOP}/thank-you"
SIGNUP_URL = f"{SHOP}/account/new"
LANDING_URLS = tuple(SHOP + path for path in ("/", "/", "/sale", "/new", "/category/shoes", "/category/bags"))
SEARCH_URLS = tuple(f"{SHOP}/search?q=item+{word}" for word in range(50))
_FINENESS = 4096


class Product(NamedTuple):
    """Something to buy, and its page."""

    product_id: str
    url: str
    price_minor: int


CATALOGUE = tuple(
    Product(str(number), f"{SHOP}/product/{number}", 499 + number * 7919 % 20_000) for number in range(PRODUCTS)
)


def _by_popularity() -> tuple[Product, ...]:
    """Return products such that any place is as likely as another: the n-th as often as Zipf's law says."""
    shares = list(accumulate(1 / rank for rank in range(1, PRODUCTS + 1)))
    ends = [round(share / shares[-1] * _FINENESS) for share in shares]
    return tuple(
        product for product, start, end in zip(CATALOGUE, [0, *ends], ends, strict=False) for _ in range(start, end)
    )


_POPULAR = _by_popularity()


def popular_product(uniform: float) -> Product:
    """Return a product for a uniform draw from [0, 1)."""
    return _POPULAR[int(uniform * _FINENESS)]
