"""Histograms, waste, temporary blocks, the peak's shares and estimates, against known truth."""

import json
import math
import os

from watched import BUILD, MEMSCOPE, SOAK, Skip, equal, first_process, main, run, status, watch

FIGURES = os.path.join(BUILD, "tests/e2e/figures")
# As documented; that the report says the same is tested.
SIZES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 65536, 262144, 1048576,
         16777216, None]
TICK_NS = 1 << 20
LIFETIMES = [TICK_NS * 4**i for i in range(14)] + [None]
INTERVAL = 16384
SEEDS = range(1, 6 if SOAK else 4)


def truth_and_document(*arguments, options=()):
    result, document = watch([FIGURES, *arguments], *options)
    equal((status(result), result.stderr), (0, b""), "exit status and stderr")
    return json.loads(result.stdout), document


def sites_of(document, function):
    return [s for s in document["sites"]
            if s["allocations"] + s["failed_calls"] > 0 and any(f["function"] == function for f in s["stack"])]


def only_site(document, function):
    sites = sites_of(document, function)
    equal(len(sites), 1, f"call sites of {function}")
    return sites[0]


def class_of(bounds, value, inclusive):
    for number, bound in enumerate(bounds):
        if bound is None or value < bound or (inclusive and value == bound):
            return number
    raise AssertionError("no class")


def histogram(bounds, counts):
    return [counts.get(number, 0) for number in range(len(bounds))]


def check(site, **expected):
    for name, value in expected.items():
        equal(site[name], value, f"{name} of {site['stack'][0]['function']}")


def test_bounds_are_the_documented_ones():
    """the report says which classes there are"""
    _, document = truth_and_document("short")
    equal(document["histograms"]["size_class_bounds_bytes"], SIZES, "size classes")
    equal(document["histograms"]["lifetime_class_bounds_ns"], LIFETIMES, "lifetime classes")


def check_ages(site, ages, bounds):
    """Lifetimes lie between what was slept and what passed, give or take a tick at either end."""
    allowed = [0] * len(bounds)
    surely = [0] * len(bounds)
    for age in ages:
        low = class_of(bounds, max(0, age["slept_ns"] - TICK_NS), False)
        high = class_of(bounds, age["at_most_ns"] + TICK_NS, False)
        for number in range(low, high + 1):
            allowed[number] += age["blocks"]
        if low == high:
            surely[low] += age["blocks"]
    found = site["lifetime_classes"]
    equal(sum(found), sum(age["blocks"] for age in ages), "lifetimes in all")
    for number, blocks in enumerate(found):
        if not surely[number] <= blocks <= allowed[number]:
            raise AssertionError(f"lifetimes {found}, between {surely} and {allowed}")


def test_sites():
    """every call site has the figures that the program knows: sizes, lifetimes, waste, failures"""
    truth, document = truth_and_document("sites")
    counts = {}
    for size, blocks in truth["sizes"]:
        number = class_of(SIZES, size, True)
        counts[number] = counts.get(number, 0) + blocks
    everything = sum(blocks for _, blocks in truth["sizes"])
    check(only_site(document, "site_sizes"), size_classes=histogram(SIZES, counts),
          allocations=everything, deallocations=everything, temporary=everything, waste_bytes=0,
          current_bytes=0, freed_ratio=1, reallocations=0, failed_calls=0, provenance="measured",
          sampled=None)
    check(only_site(document, "site_one_size"), size_classes=histogram(SIZES, {2: 200}),
          allocations=200, deallocations=150, current_bytes=50 * 48, freed_ratio=0.75, temporary=0)
    equal(sum(only_site(document, "site_one_size")["lifetime_classes"]), 150, "freed blocks")
    check(only_site(document, "site_temporary"), allocations=31, temporary=31)
    sites = sites_of(document, "site_not_temporary")
    equal([sum(s["allocations"] for s in sites), sum(s["temporary"] for s in sites)], [34, 17],
          "blocks and temporary blocks of site_not_temporary")
    sites = sites_of(document, "site_waste")
    equal([sum(s["waste_bytes"] for s in sites), sum(s["allocations"] for s in sites)],
          [truth["waste_bytes"], truth["waste_blocks"]], "waste and blocks of site_waste")
    assert truth["waste_bytes"] > 0
    sites = sites_of(document, "site_resized")
    equal([sum(s["reallocations"] for s in sites), sum(s["allocations"] for s in sites)], [23, 24],
          "resized and all blocks of site_resized")
    check(only_site(document, "site_failing"), failed_calls=13, allocations=0)
    check_ages(only_site(document, "site_lifetimes"), truth["lifetimes"], LIFETIMES)
    check_ages(only_site(document, "site_freed_by_other"), truth["freed_by_other"], LIFETIMES)
    worker = next(t for t in document["threads"] if t["failed_calls"])
    equal(worker["failed_calls"], 18, "failed calls of the thread: also those of realloc")


def test_histograms_add_up():
    """sites, threads and process have the same histograms, and nobody's block is missing"""
    _, document = truth_and_document("sites")
    process = first_process(document)
    for name, counter in (("size_classes", "allocations"), ("lifetime_classes", "deallocations")):
        whole = process[name]
        equal(sum(whole), process["totals"][counter], f"{name} against {counter}")
        for things in ("sites", "threads"):
            parts = [t[name] for t in document[things] if t[name]]
            equal([sum(column) for column in zip(*parts)], whole, f"{name} of all {things}")
            for thing in document[things]:
                if thing[name]:
                    equal(sum(thing[name]), thing[counter], f"{name} of one of the {things}")
    for counter in ("temporary", "waste_bytes", "reallocations", "failed_calls"):
        of_sites = sum(s[counter] for s in document["sites"])
        equal(of_sites, sum(t[counter] for t in document["threads"]), f"{counter} of sites")
    equal(document["losses"]["not_classified"], 0, "events in no histogram")


def check_peak(threads):
    truth, document = truth_and_document("peak", str(threads))
    process = first_process(document)
    peak = process["at_peak"]
    found = {name: sum(s["at_peak_bytes"] for s in sites_of(document, f"site_{name}_peak"))
             for name in ("before", "at", "after")}
    for name, expected in found.items():
        off = abs(expected - truth[name])
        if off > peak["error_bytes"]:
            raise AssertionError(f"{name}: {found}, true {truth}, {peak}")
    # The bound is of use: the three are far apart.
    assert peak["error_bytes"] < truth["before"] / 2, (peak, truth)
    of_sites = sum(s["at_peak_bytes"] for s in document["sites"])
    assert abs(of_sites - peak["bytes"]) <= peak["error_bytes"], (of_sites, peak)
    equal(sum(t["at_peak_bytes"] for t in document["threads"]), of_sites, "at peak, by thread")
    highest = process["totals"]["peak_bytes"]
    assert abs(highest - peak["bytes"]) <= peak["error_bytes"], (highest, peak)


def test_who_held_the_peak():
    """what was live at the peak, site by site, within the bound that the report tells"""
    check_peak(1)
    check_peak(4)
    check_peak(16)


def need_sampling():
    if b"--sample" not in run([MEMSCOPE, "--help"]).stdout:
        raise Skip("this memscope-top has no --sample")


def check_totals(truth, document):
    """Sampling changes no total, of threads or of the process."""
    worker = max(document["threads"], key=lambda t: t["allocations"])
    allocations = sum(t["allocations"] for t in truth.values())
    allocated = sum(t["allocations"] * t["bytes"] for t in truth.values())
    # What the thread's own start needs comes on top: tens of bytes, not of the sites.
    assert 0 <= worker["allocations"] - allocations <= 5, (worker["allocations"], allocations)
    assert 0 <= worker["bytes_allocated"] - allocated <= 5000
    equal(sum(worker["size_classes"]), worker["allocations"], "size classes of the thread")
    samples = sum(s["sampled"]["samples"] for s in document["sites"] if s["sampled"])
    left_out = sum(t["not_sampled"]["allocations"] for t in document["threads"])
    equal(samples + left_out, document["totals"]["allocations"], "sampled and not sampled")


class Errors:
    """Estimates against truth: each within its error, and all together without bias."""

    def __init__(self):
        self.inside = self.sites = 0
        self.estimated = self.true = self.variance = self.worst = 0.0

    def add(self, estimated, true, expected_samples):
        deviation = true / math.sqrt(expected_samples)
        off = abs(estimated - true) / deviation
        self.worst = max(self.worst, off)
        self.sites += 1
        self.inside += off <= 1.96
        self.estimated += estimated
        self.true += true
        self.variance += deviation**2

    def check(self, what, evenness=1.0):
        """evenness: deviation of the sum as a part of that of as many independent samples."""
        allowed = 5.5 * evenness * math.sqrt(self.variance) + 0.001 * self.true
        told = f"{what}: {self.sites} sites, worst {self.worst:.2f} deviations, {self.inside} " \
               f"within the stated error, all together " \
               f"{100 * (self.estimated / self.true - 1):+.2f} % off, allowed " \
               f"{100 * allowed / self.true:.2f} %"
        print("# " + told, flush=True)
        # One false alarm in 10^7 runs each; the stated error is to hold in 95 % of cases.
        assert self.worst <= 8, told
        assert self.inside >= 0.85 * self.sites or self.sites < 100, told
        assert abs(self.estimated - self.true) <= allowed, told


# Sampling points are half to one and a half intervals apart: their number in a long stretch has a
# twelfth of the variance of independent ones.
EVEN = math.sqrt(1 / 12)


def check_sites(truth, document, share_of, errors):
    """share_of: the probability with which a block of so many bytes is taken."""
    for name, true in truth.items():
        sites = sites_of(document, name)
        estimated = sum(s["bytes_allocated"] for s in sites)
        share = share_of(true["bytes"])
        if share == 1:
            equal(estimated, true["bytes"] * true["allocations"], f"{name}, always taken")
            continue
        for site in sites:
            equal(site["provenance"], "sampled", name)
            stated = 1.96 / math.sqrt(site["sampled"]["samples"])
            assert abs(site["sampled"]["relative_error"] - stated) < 0.001, site["sampled"]
        alive = true["allocations"] - true["deallocations"]
        errors["bytes"].add(estimated, true["bytes"] * true["allocations"],
                            share * true["allocations"])
        errors["blocks"].add(sum(s["allocations"] for s in sites), true["allocations"],
                             share * true["allocations"])
        if share * alive >= 10:
            errors["live"].add(sum(s["current_bytes"] for s in sites), true["bytes"] * alive,
                               share * alive)


def estimates(rate, share_of):
    need_sampling()
    errors = {"bytes": Errors(), "blocks": Errors(), "live": Errors()}
    for seed in SEEDS:
        truth, document = truth_and_document("sample", str(seed), options=(f"--sample={rate}",))
        check_totals(truth, document)
        check_sites(truth, document, share_of, errors)
    return errors


def test_sampled_by_bytes():
    """--sample by bytes: every site within its error, no bias, totals exact"""
    errors = estimates(INTERVAL, lambda size: size / INTERVAL if size < INTERVAL / 2 else 1)
    errors["bytes"].check("bytes", EVEN)
    errors["blocks"].check("blocks")
    errors["live"].check("live bytes")


def test_sampled_by_allocations():
    """--sample by share of allocations: the same"""
    errors = estimates("10%", lambda size: 0.1)
    errors["blocks"].check("blocks", EVEN)
    errors["bytes"].check("bytes")
    errors["live"].check("live bytes")


def test_short_threads_are_not_missed():
    """threads that allocate less than an interval are in the sample as often as they should be"""
    need_sampling()
    errors = Errors()
    for _ in SEEDS:
        truth, document = truth_and_document("short", options=(f"--sample={INTERVAL}",))
        site = only_site(document, "site_of_short")
        whole = truth["bytes"] * truth["allocations"]
        errors.add(site["bytes_allocated"], whole, whole / INTERVAL)
    errors.check("short threads")


main(globals())
