/** Texts that cannot mislead, and numbers that say what they are. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { amount, decimal, exact, percentage, ratio, signed, sum } from "../../src/logic/amounts";
import { axisDate, axisNumber, axisTime } from "../../src/logic/axis";
import { hoursOf } from "../../src/logic/strip";
import { harmless, size } from "../../src/logic/text";
import { age, dateIn, dayBounds, duration, exactTime, moment, shortTime } from "../../src/logic/times";

describe("harmless", () => {
    test("spells out what turns writing round, hides or controls", () => {
        expect(harmless("\u202egnp.exe")).toBe("\\u202egnp.exe");
        expect(harmless("a\x1b[31m\n\u200b")).toBe("a\\x1b[31m\\x0a\\u200b");
        expect(harmless("\u{e0041}")).toBe("\\U000e0041");
    });
    test("leaves markup and other scripts as they are: they are only text", () => {
        expect(harmless("<b>köln 東京 &amp;</b>")).toBe("<b>köln 東京 &amp;</b>");
    });
});

describe("amounts", () => {
    test("unknown is never a number", () => {
        expect(amount("cpu", null)).toBe("?");
        expect(percentage(null, 10)).toBe("?");
        expect(percentage(10, null)).toBe("?");
        expect(exact("cpu", null)).toBe("unknown");
        expect(signed("cpu", null)).toBe("unknown");
        expect(ratio(1, null)).toBeNull();
        expect(sum([1, null])).toBeNull();
    });
    test("cores and GiB, with one decimal below 1,000", () => {
        expect(amount("cpu", 12_440)).toBe("12.4");
        expect(amount("memory", 2 ** 30 * 1234)).toBe("1,234");
        expect([amount("cpu", 999_940), amount("cpu", 999_960)]).toEqual(["999.9", "1,000"]);
        expect(amount("nvidia.com/gpu", 1204)).toBe("1,204");
    });
    test("what is not 0 is never written as 0", () => {
        expect(amount("cpu", 1)).toBe("<0.1");
        expect(amount("cpu", 0)).toBe("0.0");
        expect(decimal(-0.01)).toBe(">−0.1");
        expect(percentage(1, 1000)).toBe("<1%");
    });
    test("100 % means exactly that", () => {
        expect(percentage(999, 1000)).toBe("99%");
        expect(percentage(1000, 1000)).toBe("100%");
        expect(percentage(1001, 1000)).toBe("101%");
    });
    test("nothing allocatable is over as soon as anything is asked", () => {
        expect(percentage(1, 0)).toBe("over");
        expect(ratio(1, 0)).toBe(Number.POSITIVE_INFINITY);
    });
    test("integers beyond what a browser holds say so", () => {
        expect(exact("memory", 2 ** 60)).toMatch(/^about /);
        expect(exact("memory", 2 ** 52)).toBe("4,503,599,627,370,496 bytes");
    });
    test("signed differences carry their sign", () => {
        expect(signed("cpu", 1500)).toBe("+1.5 cores");
        expect(signed("cpu", -1500)).toBe("−1.5 cores");
        expect(signed("", 0)).toBe("0");
    });
    test("sizes of downloads", () =>
        expect([size(999), size(1500), size(3_000_000)]).toEqual(["999 B", "1.5 KB", "3.0 MB"]));
});

describe("times", () => {
    const AT = Date.parse("2026-11-23T12:00:03Z");
    test("ages are cut down to the unit that matters", () => {
        expect([age(40_000), age(7_000_000), age(3 * 86_400_000), age(-5)]).toEqual(["40 s", "116 min", "3 d", "0 s"]);
    });
    test("a moment in UTC, short and exact", () => {
        expect(exactTime(AT, "utc")).toBe("2026-11-23 12:00:03 UTC");
        expect(shortTime(AT - 3000, "utc")).toBe("Mon 23 Nov, 12:00");
    });
    test("what inputs hold comes back as a moment", () => {
        expect(moment("2026-11-23", "12:00:03", "utc")).toBe(AT);
        expect(moment("2026-11-23", "12:00", "utc")).toBe(AT - 3000);
        expect(moment("soon", "12:00", "utc")).toBeNull();
        expect(moment(dateIn(AT, "local"), "00:00", "local")).toBe(
            new Date(2026, 10, new Date(AT).getDate()).getTime(),
        );
    });
    test("durations of the address", () => {
        expect([duration("90m"), duration("24h"), duration("7d"), duration("7 d")]).toEqual([
            5_400_000,
            86_400_000,
            604_800_000,
            null,
        ]);
    });
});

test("axes say the clock within a day and the date at its start", () => {
    expect(axisTime(Date.parse("2026-11-23T04:00:00Z"), 3600, "utc")).toBe("04:00");
    expect(axisTime(Date.parse("2026-11-23T00:00:00Z"), 3600, "utc")).toBe("23 Nov");
    expect([axisNumber(0.25), axisNumber(40_000), axisNumber(2_500_000)]).toEqual(["0.25", "40k", "2.5M"]);
});

describe("in another zone than UTC", () => {
    afterEach(() => vi.unstubAllEnvs());
    test("a day that summer time changes has 23 or 25 hours, and its strip's hours lie at the clock's", () => {
        vi.stubEnv("TZ", "America/New_York");
        const at = (day: string) => {
            const bounds = dayBounds(Date.parse(`${day}T17:00:00Z`), "local");
            return hoursOf(bounds, "local").map((each) => Math.round((each.at * (bounds[1] - bounds[0])) / 3_600_000));
        };
        expect(at("2026-03-08")).toEqual([0, 5, 11, 17]);
        expect(at("2026-11-01")).toEqual([0, 7, 13, 19]);
        expect(at("2026-11-23")).toEqual([0, 6, 12, 18]);
    });
    test.each(["Asia/Kolkata", "America/New_York"])("marks of an axis stand at the zone's own hours: %s", (place) => {
        vi.stubEnv("TZ", place);
        const midnight = Date.parse("2026-11-23T00:00:00Z") / 1000;
        expect(new Date(midnight * 1000).getHours()).not.toBe(0);
        expect(axisDate(midnight, "utc").getHours()).toBe(0);
        expect(axisDate(midnight, "utc").getMinutes()).toBe(0);
        expect(axisDate(midnight, "local").getTime()).toBe(midnight * 1000);
    });
});
