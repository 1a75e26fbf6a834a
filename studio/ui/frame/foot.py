"""The foot of the page, always in sight: the way back, what is being made or looked at in a sentence, and the way on.

The browser (frame/foot.js) says where back and on lead; what the sentences say is their drawers' business.
"""


def draw_way(by: int) -> str:
    """Return the button that leads one step back (-1) or on (1)."""
    look = "btn primary" if by > 0 else "btn"
    return f'<button type="button" class="studio {look}" data-step-by="{by}" data-go="" hidden></button>'
