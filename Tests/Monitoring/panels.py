"""Small line charts as one SVG, in light and dark."""
import html

WIDTH, HEIGHT, LEFT, TOP, GAP = 420, 150, 64, 34, 34
COLORS = ["#3274d9", "#56a64b", "#e0752d", "#c4162a", "#8f3bb8", "#b8860b"]
UNITS = {"s": " s", "reqps": "/s", "percentunit": " %", "short": ""}


def label(value, unit):
    if unit == "percentunit":
        value *= 100
    return f"{value:.3g}{UNITS[unit]}"


def svg(panels, seconds, marks):
    """`panels`: title, unit, and lines as (legend, [(second, value)]). The time between the two `marks` is shaded."""
    rows = (len(panels) + 1) // 2
    size = (2 * (LEFT + WIDTH + GAP), rows * (TOP + HEIGHT + 2 * GAP))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" font-family="sans-serif" font-size="12">',
        "<style>:root{color:#222;background:#fff}@media(prefers-color-scheme:dark){:root{color:#ddd;background:#111}}"
        "text{fill:currentColor}</style>",
    ]
    for index, panel in enumerate(panels):
        x, y = index % 2 * (LEFT + WIDTH + GAP) + LEFT, index // 2 * (TOP + HEIGHT + 2 * GAP) + TOP
        parts.append(f'<g transform="translate({x} {y})">{draw(*panel, seconds, marks)}</g>')
    return "\n".join(parts) + "\n</svg>\n"


def draw(title, unit, lines, seconds, marks):
    top = max((value for _, points in lines for _, value in points), default=0) or 1
    across, up = lambda second: second / seconds * WIDTH, lambda value: HEIGHT - value / top * HEIGHT
    parts = [
        f'<text y="-12" font-size="14" font-weight="bold">{html.escape(title)}</text>',
        f'<rect x="{across(marks[0]):.1f}" width="{across(marks[1] - marks[0]):.1f}" height="{HEIGHT}" fill="#c4162a" opacity="0.12"/>',
    ]
    for share in (0, 0.5, 1):
        parts.append(f'<path d="M0 {up(share * top):.1f}H{WIDTH}" stroke="currentColor" opacity="0.2"/>')
        parts.append(f'<text x="-6" y="{up(share * top) + 4:.1f}" text-anchor="end">{label(share * top, unit)}</text>')
    for minute in range(0, int(seconds // 60) + 1, 2):
        parts.append(f'<text x="{across(minute * 60):.1f}" y="{HEIGHT + 16}" text-anchor="middle">{minute}</text>')
    at = 0
    for number, (legend, points) in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        path = "".join(f"{'ML'[begun > 0]}{across(second):.1f} {up(value):.1f}" for begun, (second, value) in enumerate(points))
        parts.append(f'<path d="{path}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts.append(f'<rect x="{at}" y="{HEIGHT + 24}" width="10" height="10" fill="{color}"/>')
        parts.append(f'<text x="{at + 14}" y="{HEIGHT + 33}" font-size="11">{html.escape(legend)}</text>')
        at += 24 + 6 * len(legend)
    return "".join(parts)
