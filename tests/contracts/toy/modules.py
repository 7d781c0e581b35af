"""A small system: shop asks stock, stock asks ledger. Each can run in a process of its own."""

from monolith import Module, Tier

_HERE = __name__.rpartition(".")[0]

MODULES = [
    Module(
        name="shop",
        tier=Tier.PRIVATE,
        app=f"{_HERE}.shop",
        requires=("stock",),
        secrets=("SHOP_SECRET",),
        routes=f"{_HERE}.shop.routes",
    ),
    Module(
        name="stock",
        tier=Tier.PRIVATE,
        app=f"{_HERE}.stock",
        contract=f"{_HERE}.promises.stock",
        requires=("ledger",),
        secrets=("STOCK_SECRET",),
    ),
    Module(
        name="ledger",
        tier=Tier.PRIVATE,
        app=f"{_HERE}.ledger",
        contract=f"{_HERE}.promises.ledger",
        routes=f"{_HERE}.ledger.routes",
    ),
]
