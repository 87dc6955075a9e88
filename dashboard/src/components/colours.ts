/** The style sheet's colours for canvases, which cannot read custom properties themselves. */
export function colour(name: string): string {
    const probe = document.createElement("i");
    probe.style.color = `var(--${name})`;
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
}

/** The red, green and blue of what colour() gives. */
export function channels(text: string): [number, number, number] {
    const [r = 0, g = 0, b = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [r, g, b];
}
