/** A date and a time of day to be typed, in the reader's zone. */
import { zoneName } from "../logic/times";
import { usePage } from "../state/page";

export interface Typed {
    date: string;
    clock: string;
}

interface Props extends Typed {
    at: number;
    set: (typed: Typed) => void;
    /** Of the time of day: 1 for seconds, 60 for minutes. */
    stepSeconds: number;
    submit: string;
}

export function MomentInputs({ at, date, clock, set, stepSeconds, submit }: Props) {
    const { zone } = usePage().settings;
    return (
        <div class="picker-row">
            <input
                type="date"
                aria-label="Date"
                value={date}
                onInput={(event) => set({ date: event.currentTarget.value, clock })}
                required
            />
            <input
                type="time"
                aria-label={`Time of day, ${zoneName(at, zone)}`}
                step={stepSeconds}
                value={clock}
                onInput={(event) => set({ date, clock: event.currentTarget.value })}
                required
            />
            <button type="submit">{submit}</button>
        </div>
    );
}
