#include "analysis/findings.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "analysis/judge.h"
#include "analysis/window.h"
#include "model/chunks.h"
#include "model/index.h"

/* Reasons hold figures that change at every tick; nobody reads them faster than this. */
#define REASON_EVERY_NS MS_SECOND_NS
/* Past so many threads they are judged in every second, third ... tick, or when there is another.
 */
#define JUDGED_PER_TICK 500u

struct finding {
    struct ms_judgement judgement;
    struct ms_judged_figures figures;
    struct ms_window *window; /* NULL once it has ended */
    enum ms_role candidate;
    uint64_t candidate_since_ns;
    uint64_t reason_ns; /* when the role's reason was written; 0: never */
    uint32_t merged;    /* of the thread when it was judged */
};

struct ms_findings {
    struct ms_thresholds thresholds;
    struct ms_chunks findings; /* struct finding */
    struct ms_index by_thread;
    size_t alive_judged;
    uint32_t ticks;
    char span[16]; /* " in 10 s" */
    struct ms_leaks *leaks;
    struct ms_anomalies *anomalies;
    const struct ms_suppressions *suppressions;
};

static const struct ms_judgement never_judged = {
    .role = MS_ROLE_LIGHTWEIGHT,
    .alert = MS_ALERT_NORMAL,
    .role_reason = "not judged yet",
};

struct ms_findings *ms_findings_new(const struct ms_thresholds *thresholds,
                                    const struct ms_suppressions *suppressions)
{
    struct ms_findings *findings = calloc(1, sizeof(*findings));
    if (findings == NULL) {
        return NULL;
    }
    findings->leaks = ms_leaks_new(suppressions);
    findings->anomalies = ms_anomalies_new();
    if (findings->leaks == NULL || findings->anomalies == NULL) {
        ms_leaks_free(findings->leaks);
        ms_anomalies_free(findings->anomalies);
        free(findings);
        return NULL;
    }
    findings->suppressions = suppressions;
    findings->findings.element_bytes = sizeof(struct finding);
    ms_findings_set_thresholds(findings, thresholds);
    return findings;
}

void ms_findings_set_thresholds(struct ms_findings *findings,
                                const struct ms_thresholds *thresholds)
{
    findings->thresholds = *thresholds;
    (void)snprintf(findings->span, sizeof(findings->span), " in %u s",
                   (unsigned)(thresholds->role_window_ns / MS_SECOND_NS % 100000u));
}

const struct ms_thresholds *ms_findings_thresholds(const struct ms_findings *findings)
{
    return &findings->thresholds;
}

static struct finding *finding_at(const struct ms_findings *findings, size_t position)
{
    return ms_chunks_at(&findings->findings, position);
}

void ms_findings_free(struct ms_findings *findings)
{
    if (findings == NULL) {
        return;
    }
    for (size_t i = 0; i < findings->findings.count; i++) {
        free(finding_at(findings, i)->window);
    }
    ms_chunks_free(&findings->findings);
    ms_index_free(&findings->by_thread);
    ms_leaks_free(findings->leaks);
    ms_anomalies_free(findings->anomalies);
    free(findings);
}

static uint32_t hash_of(uint32_t thread_id)
{
    return ms_hash_pair(thread_id, 0);
}

static struct finding *find(const struct ms_findings *findings, uint32_t thread_id)
{
    size_t cursor = 0;
    uint32_t position;
    while (ms_index_next(&findings->by_thread, hash_of(thread_id), &cursor, &position)) {
        struct finding *finding = finding_at(findings, position);
        if (finding->judgement.thread_id == thread_id) {
            return finding;
        }
    }
    return NULL;
}

static struct finding *find_or_add(struct ms_findings *findings, uint32_t thread_id)
{
    struct finding *finding = find(findings, thread_id);
    if (finding != NULL) {
        return finding;
    }
    finding = ms_chunks_add(&findings->findings);
    if (finding == NULL) {
        return NULL;
    }
    if (ms_index_add(&findings->by_thread, hash_of(thread_id),
                     (uint32_t)(findings->findings.count - 1)) != 0) {
        ms_chunks_drop_last(&findings->findings);
        return NULL;
    }
    finding->judgement = never_judged;
    finding->judgement.thread_id = thread_id;
    finding->candidate = MS_ROLE_LIGHTWEIGHT;
    return finding;
}

static void settle_role(const struct ms_findings *findings, struct finding *finding,
                        uint64_t now_ns)
{
    struct ms_judgement *judgement = &finding->judgement;
    const struct ms_thresholds *thresholds = &findings->thresholds;
    const enum ms_role candidate =
        ms_role_of(&finding->figures, thresholds, judgement->role, thresholds->role_margin);
    if (candidate != finding->candidate) {
        finding->candidate = candidate;
        finding->candidate_since_ns = now_ns;
    }
    const bool changes = candidate != judgement->role &&
                         now_ns - finding->candidate_since_ns >= thresholds->role_hold_ns;
    if (changes) {
        judgement->role = candidate;
    }
    if (changes || finding->reason_ns == 0 || now_ns - finding->reason_ns >= REASON_EVERY_NS) {
        finding->reason_ns = now_ns;
        ms_role_reason(judgement->role_reason, sizeof(judgement->role_reason), judgement->role,
                       &finding->figures, thresholds, findings->span);
    }
}

static int judge_alive(struct ms_findings *findings, const struct ms_model *model)
{
    const uint64_t now_ns = ms_model_now_ns(model);
    const size_t count = ms_model_alive_count(model);
    struct ms_baseline sums = {0};
    for (size_t i = 0; i < count; i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        struct finding *finding = find_or_add(findings, thread->id);
        if (finding == NULL) {
            return -ENOMEM;
        }
        if (finding->window == NULL) {
            finding->window = calloc(1, sizeof(*finding->window));
            if (finding->window == NULL) {
                return -ENOMEM;
            }
        }
        ms_window_update(finding->window, thread, now_ns, findings->thresholds.role_window_ns,
                         &finding->figures);
        settle_role(findings, finding, now_ns);
        if (!isnan(finding->figures.peak_bytes)) {
            sums.peak_bytes_sum += finding->figures.peak_bytes;
            sums.peak_bytes_count++;
        }
        if (!isnan(finding->figures.cpu_pct)) {
            sums.cpu_pct_sum += finding->figures.cpu_pct;
            sums.cpu_pct_count++;
        }
    }
    for (size_t i = 0; i < count; i++) {
        struct finding *finding = find(findings, ms_model_thread(model, i)->id);
        const struct ms_others others = {
            .peak_bytes = ms_mean_of_others(sums.peak_bytes_sum, sums.peak_bytes_count,
                                            finding->figures.peak_bytes),
            .cpu_pct =
                ms_mean_of_others(sums.cpu_pct_sum, sums.cpu_pct_count, finding->figures.cpu_pct),
        };
        finding->judgement.alert =
            ms_alert_of(&finding->figures, &others, &findings->thresholds,
                        finding->judgement.alert_reason, sizeof(finding->judgement.alert_reason));
    }
    return 0;
}

static int judge_ended(struct ms_findings *findings, const struct ms_thread *thread,
                       const struct ms_baseline *baseline)
{
    struct finding *finding = find_or_add(findings, thread->id);
    if (finding == NULL) {
        return -ENOMEM;
    }
    free(finding->window);
    finding->window = NULL;
    finding->judgement = ms_judge_against(&findings->thresholds, baseline, thread);
    finding->merged = thread->merged;
    finding->reason_ns = baseline->now_ns;
    return 0;
}

static bool is_final(const struct ms_findings *findings, const struct ms_thread *thread)
{
    const struct finding *finding = find(findings, thread->id);
    return finding != NULL && finding->window == NULL && finding->reason_ns != 0 &&
           finding->merged == thread->merged;
}

/* Ended threads lie in the order of their end: behind the first one known all are. */
static int judge_all_ended(struct ms_findings *findings, const struct ms_model *model)
{
    const size_t alive = ms_model_alive_count(model);
    struct ms_baseline baseline = {0};
    bool have_baseline = false;
    for (size_t i = ms_model_thread_count(model); i-- > alive;) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->merged > 0 || is_final(findings, thread)) {
            break;
        }
        if (!have_baseline) {
            baseline = ms_baseline_of(model);
            have_baseline = true;
        }
        if (judge_ended(findings, thread, &baseline) != 0) {
            return -ENOMEM;
        }
    }
    for (size_t i = alive; i < ms_model_thread_count(model); i++) {
        const struct ms_thread *thread = ms_model_thread(model, i);
        if (thread->merged == 0) {
            break;
        }
        if (!is_final(findings, thread)) {
            if (!have_baseline) {
                baseline = ms_baseline_of(model);
                have_baseline = true;
            }
            if (judge_ended(findings, thread, &baseline) != 0) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

/* Threads that the model has merged away. */
static void forget_unknown(struct ms_findings *findings, const struct ms_model *model)
{
    for (size_t i = findings->findings.count; i-- > 0;) {
        struct finding *finding = finding_at(findings, i);
        const uint32_t thread_id = finding->judgement.thread_id;
        if (ms_model_thread_by_id(model, thread_id) != NULL) {
            continue;
        }
        free(finding->window);
        ms_index_remove(&findings->by_thread, hash_of(thread_id), (uint32_t)i);
        const size_t last = findings->findings.count - 1;
        if (i != last) {
            *finding = *finding_at(findings, last);
            ms_index_move(&findings->by_thread, hash_of(finding->judgement.thread_id),
                          (uint32_t)last, (uint32_t)i);
        }
        ms_chunks_drop_last(&findings->findings);
    }
}

int ms_findings_update(struct ms_findings *findings, const struct ms_model *model)
{
    const size_t alive = ms_model_alive_count(model);
    int error = 0;
    if (alive != findings->alive_judged || findings->ticks++ % (alive / JUDGED_PER_TICK + 1) == 0) {
        findings->alive_judged = alive;
        error = judge_alive(findings, model);
    }
    const int ended_error = judge_all_ended(findings, model);
    error = error != 0 ? error : ended_error;
    const int leaks_error = ms_leaks_update(findings->leaks, model);
    error = error != 0 ? error : leaks_error;
    const int anomalies_error = ms_anomalies_update(findings->anomalies, model);
    error = error != 0 ? error : anomalies_error;
    if (findings->findings.count > ms_model_thread_count(model) + 1000) {
        forget_unknown(findings, model);
    }
    return error;
}

const struct ms_judgement *ms_findings_of(const struct ms_findings *findings, uint32_t thread_id)
{
    const struct finding *finding = find(findings, thread_id);
    return finding != NULL ? &finding->judgement : &never_judged;
}

const struct ms_leaks *ms_findings_leaks(const struct ms_findings *findings)
{
    return findings->leaks;
}

const struct ms_anomalies *ms_findings_anomalies(const struct ms_findings *findings)
{
    return findings->anomalies;
}

const struct ms_suppressions *ms_findings_suppressions(const struct ms_findings *findings)
{
    return findings->suppressions;
}
