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
function channels(text: string): [number, number, number] {
    const [r = 0, g = 0, b = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
    return [r, g, b];
}

/** The ten steps of the heatmap, from the low colour to the high one. */
export function heatColours(): string[] {
    const [low, high] = [channels(colour("heat-low")), channels(colour("heat-high"))];
    return Array.from({ length: 10 }, (_, at) => {
        const mixed = low.map((from, channel) => Math.round(from + (((high[channel] as number) - from) * at) / 9));
        return `rgb(${mixed.join(" ")})`;
    });
}
