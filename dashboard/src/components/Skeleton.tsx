/** Grey in the place of what is still being read, so that nothing jumps when it comes. */
interface Props {
    rows?: number;
    columns?: number;
    cells?: number;
}

const many = (length: number) => Array.from({ length }, (_, at) => at);

export function Skeleton({ rows = 0, columns = 0, cells = 0 }: Props) {
    if (cells) return <>{many(cells).map(cell)}</>;
    return (
        <>
            {many(rows).map((at) => (
                <tr key={at}>{many(columns).map(cell)}</tr>
            ))}
        </>
    );
}

const cell = (at: number) => (
    <td key={at}>
        <span class="skeleton" />
    </td>
);
