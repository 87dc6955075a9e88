/** Without a network: what was read stays, and the page looks again by itself. */
import { useEffect, useState } from "preact/hooks";

export function OfflineBand() {
    const [isOnline, setOnline] = useState(() => navigator.onLine);
    useEffect(() => {
        const read = () => setOnline(navigator.onLine);
        for (const event of ["online", "offline"]) addEventListener(event, read);
        return () => {
            for (const event of ["online", "offline"]) removeEventListener(event, read);
        };
    }, []);
    if (isOnline) return null;
    return (
        <div class="band offline" role="status">
            This device is offline. What was read before is shown; the page looks again as soon as there is a network.
        </div>
    );
}
