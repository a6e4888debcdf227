"""The tables, in Markdown."""

REFERENCE = "viceroy"
PROMISED_OF = "fastlike wasmtime"
KIB_EACH_MAX = 200


def of_load(workload, results):
    reference = next((result.requests_per_s for result in results if result.host == REFERENCE), None)
    rows = [
        [
            result.host,
            f"{result.requests_per_s:,.0f}",
            f"{result.p50_ms:.2f} ms",
            f"{result.p99_ms:.2f} ms",
            f"{result.processor_us:.1f} µs",
            *([] if workload.hello is None else [times_hello(workload, result)]),
            str(result.errors),
            f"{result.peak_mib:.0f} MiB",
            ratio(workload, result, reference),
        ]
        for result in results
    ]
    hello = [] if workload.hello is None else ["× its hello"]
    names = ["host", "requests/s", "p50", "p99", "processor", *hello, "errors", "peak memory", f"× {REFERENCE}"]
    return f"### {workload.name}: `{workload.guest}` `{workload.path}`\n\n" + markdown(names, rows)


def times_hello(workload, result):
    if result.times_hello is None:
        return ""
    text = f"{result.times_hello:.2f}"
    if workload.times_hello is None or result.host != PROMISED_OF:
        return text
    verdict = "met" if result.times_hello <= workload.times_hello else "**missed**"
    return f"{text} (at most {workload.times_hello:g}: {verdict})"


def ratio(workload, result, reference):
    if not reference:
        return "no reference"
    times = result.requests_per_s / reference
    if workload.times_viceroy is None or result.host != PROMISED_OF:
        return f"{times:.2f}"
    verdict = "met" if times >= workload.times_viceroy else "**missed**"
    return f"{times:.2f} (at least {workload.times_viceroy:g}: {verdict})"


def of_waiting(guests, results):
    rows = [
        [
            result.host,
            f"{result.waiting:,}",
            each(result, result.resident_kib),
            f"{result.own_kib:.0f} KiB",
            each(result, result.own_kib + result.tables_kib),
        ]
        for result in results
    ]
    names = ["host", "guests that wait", "resident, each", "shared pages counted once, each", "with tables of pages, each"]
    return f"### {guests:,} clients whose guests wait for a silent backend\n\n" + markdown(names, rows)


def each(result, kib):
    text = f"{kib:.0f} KiB"
    if result.host != PROMISED_OF:
        return text
    verdict = "met" if kib <= KIB_EACH_MAX else "**missed**"
    return f"{text} (at most {KIB_EACH_MAX}: {verdict})"


def markdown(names, rows):
    lines = [names, ["---"] + ["--:"] * (len(names) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
