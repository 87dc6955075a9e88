/** Names of nodes in, the parts out that tell them apart. Pure. */

const TAIL = 8; // signs at the end that stay: what a cloud makes up for a node of a pool

/** The domain that all names share, such as ".eu-west-1.compute.internal"; "" where they do not, or there is one name. */
export function sharedDomain(names: readonly string[]): string {
    const at = names[0]?.indexOf(".") ?? -1;
    const domain = at > 0 ? (names[0] as string).slice(at) : "";
    return domain && names.length > 1 && names.every((name) => name.endsWith(domain) && name.length > domain.length)
        ? domain
        : "";
}

/** A name without its domain, cut before the signs at its end that must stay in sight. */
export function nameParts(name: string, domain: string): { head: string; tail: string } {
    const signs = [...(name.endsWith(domain) ? name.slice(0, name.length - domain.length) : name)];
    const cut = Math.max(0, signs.length - TAIL);
    return { head: signs.slice(0, cut).join(""), tail: signs.slice(cut).join("") };
}
