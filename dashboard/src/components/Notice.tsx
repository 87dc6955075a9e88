/** Something is wrong, or not there: what, and what to do. Never takes the place of what can be shown. */
import type { ComponentChildren } from "preact";
import { noticeOf } from "../logic/notices";
import type { Problem } from "../reading/problem";
import { Copyable } from "./Copyable";

interface Props {
    tone: "bad" | "warn" | "info";
    title: string;
    children?: ComponentChildren;
}

export function Notice({ tone, title, children }: Props) {
    return (
        <section class={`notice ${tone}`} role={tone === "bad" ? "alert" : "status"}>
            <span class="notice-sign" aria-hidden="true">
                {tone === "info" ? "i" : "!"}
            </span>
            <div>
                <strong>{title}</strong>
                {children}
            </div>
        </section>
    );
}

export function ProblemNotice({ problem, again }: { problem: Problem; again?: () => void }) {
    const said = noticeOf(problem, location.href);
    return (
        <Notice tone={problem.kind === "offline" ? "warn" : "bad"} title={said.title}>
            <p>{said.words}</p>
            <p>{said.advice}</p>
            {said.command && <Copyable text={said.command} />}
            {again && (
                <p>
                    <button type="button" onClick={again}>
                        Try again
                    </button>
                </p>
            )}
        </Notice>
    );
}
