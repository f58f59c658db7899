/* Counts of integers, and places that follow from counts. They depend on values, or are made of numbers
 * alone, and are written at once, by no launch: what is recorded makes them otherwise or not at all. */
#include <string.h>

#include "core.h"

/* The integers side by side as int64, for the caller to release. */
static tk_tensor *integers(const char *op, tk_tensor *t)
{
    if (t->dtype != TK_I64 && t->dtype != TK_I32 && t->dtype != TK_U8) {
        tk_fail(TK_DTYPE_ERROR, "%s: expected integers; got %s", op, tk_dtype_names[t->dtype]);
        return NULL;
    }
    return t->dtype == TK_I64 ? tk_contiguous(t) : tk_cast(t, TK_I64);
}

/* The smallest or the largest of integers; 0 with an error in `failed`. */
static int64_t extreme(int kernel, tk_tensor *in, int *failed)
{
    tk_tensor *found = tk_reduce(kernel, in, (1u << in->ndim) - 1, 0, 0);
    const int64_t value = found ? tk_item_int(found) : 0;
    *failed |= !found;
    if (found)
        tk_release(found);
    return value;
}

/* One more than the largest of the integers, at least `least`; -1 with an error. */
static int64_t length_of(tk_tensor *in, int64_t least)
{
    int failed = 0;
    if (in->numel == 0)
        return least;
    const int64_t low = extreme(TK_K_amin, in, &failed), high = extreme(TK_K_amax, in, &failed);
    if (!failed && low >= 0 && high < INT64_MAX)
        return high + 1 > least ? high + 1 : least;
    if (!failed)
        tk_fail(TK_VALUE_ERROR, "bincount: the integers must not be negative, and below 2^63 - 1; got %lld",
                (long long)(low < 0 ? low : high));
    return -1;
}

/* Where one integer often follows itself, counting waits for the count before; several tables do not.
 * So many of so few entries are 16 KiB, half of a small L1. */
enum { TABLES = 4, FEW = 512 };

/* What another thread writes meanwhile is not counted where it does not fit. */
static void count_into(int64_t *counts, int64_t length, const int64_t *x, int64_t n)
{
    const uint64_t size = (uint64_t)length;
    int64_t more[TABLES - 1][FEW], i = 0;
    if (length <= FEW && n > length) {
        for (int t = 0; t < TABLES - 1; t++)
            memset(more[t], 0, (size_t)length * sizeof **more);
        for (; i + TABLES <= n; i += TABLES) {
            const uint64_t a = (uint64_t)x[i], b = (uint64_t)x[i + 1], c = (uint64_t)x[i + 2],
                           d = (uint64_t)x[i + 3];
            if (a >= size || b >= size || c >= size || d >= size)
                continue;
            counts[a]++;
            more[0][b]++;
            more[1][c]++;
            more[2][d]++;
        }
        for (int64_t k = 0; k < length; k++)
            counts[k] += more[0][k] + more[1][k] + more[2][k];
    }
    for (; i < n; i++)
        if ((uint64_t)x[i] < size)
            counts[x[i]]++;
}

/* Of bytes, which need no table longer than all of them. */
static tk_tensor *count_bytes(tk_tensor *t, int64_t least)
{
    int64_t counts[TABLES][UINT8_MAX + 1] = {{0}}, length = least, i = 0;
    tk_tensor *in = tk_contiguous(t);
    if (!in)
        return NULL;
    const uint8_t *x = (const uint8_t *)in->data;
    for (; i + 8 <= in->numel; i += 8) {
        uint64_t eight;
        memcpy(&eight, x + i, sizeof eight);
#pragma GCC unroll 8
        for (int k = 0; k < 8; k++)
            counts[k % TABLES][eight >> 8 * k & 255]++;
    }
    for (; i < in->numel; i++)
        counts[0][x[i]]++;
    for (int64_t k = 0; k <= UINT8_MAX; k++) {
        for (int table = 1; table < TABLES; table++)
            counts[0][k] += counts[table][k];
        length = counts[0][k] && k >= length ? k + 1 : length;
    }
    tk_release(in);
    tk_tensor *out = tk_full_int(TK_I64, 1, &length, 0);
    for (int64_t k = 0; out && k <= UINT8_MAX && k < length; k++)
        ((int64_t *)out->data)[k] = counts[0][k];
    return out;
}

int64_t tk_bins(tk_tensor *t, int64_t least)
{
    tk_tensor *in = integers("bincount", t);
    const int64_t length = in ? length_of(in, least) : -1;
    if (in)
        tk_release(in);
    return length;
}

tk_tensor *tk_bincount(tk_tensor *t, int64_t least)
{
    if (t->dtype == TK_U8)
        return count_bytes(t, least);
    tk_tensor *in = integers("bincount", t), *out = NULL;
    const int64_t length = in ? length_of(in, least) : -1;
    if (length >= 0)
        out = tk_full_int(TK_I64, 1, &length, 0);
    if (out)
        count_into((int64_t *)out->data, length, (const int64_t *)in->data, in->numel);
    if (in)
        tk_release(in);
    return out;
}

/* The first `count` elements of a new vector, which is released; in its memory where they are most. */
static tk_tensor *beginning(tk_tensor *t, int64_t count)
{
    if (2 * count >= t->numel) {
        t->shape[0] = count;
        tk_finish_view(t);
        return t;
    }
    tk_tensor *out = tk_empty(t->dtype, 1, &count);
    if (out && count)
        memcpy(out->data, t->data, (size_t)(count * tk_item_size[t->dtype]));
    tk_release(t);
    return out;
}

tk_tensor *tk_runs(tk_tensor *t, int wanted, tk_tensor **more)
{
    tk_tensor *in = tk_contiguous(t), *starts = NULL, *ranks = NULL, *counts = NULL;
    tk_tensor *kinds = in ? tk_empty(in->dtype, 1, &in->numel) : NULL;
    int failed = !kinds;
    if (wanted & (TK_RUN_STARTS | TK_RUN_COUNTS))
        failed |= !(starts = tk_empty(TK_I64, 1, &t->numel));
    if (wanted & TK_RUN_RANKS)
        failed |= !(ranks = tk_empty(TK_I64, t->ndim, t->shape));
    if (!failed) {
        const int64_t n = in->numel;
        int64_t found = 0;
        const tk_runs_work w = {.in = in->data,
                                .kinds = kinds->data,
                                .starts = starts ? (int64_t *)starts->data : NULL,
                                .ranks = ranks ? (int64_t *)ranks->data : NULL,
                                .numel = n,
                                .found = &found,
                                .streams = ranks && tk_streams(ranks, &in, 1)};
        tk_run(TK_K_runs, in->dtype, &w, 1, 1);
        kinds = beginning(kinds, found);
        if (starts)
            starts = beginning(starts, found);
        failed |= !kinds || (!starts && wanted & (TK_RUN_STARTS | TK_RUN_COUNTS));
        if (!failed && wanted & TK_RUN_COUNTS)
            failed |= !(counts = tk_empty(TK_I64, 1, &found));
        for (int64_t k = 0; counts && k < found; k++) {
            const int64_t *start = (const int64_t *)starts->data + k;
            ((int64_t *)counts->data)[k] = (k + 1 < found ? start[1] : n) - start[0];
        }
    }
    tk_tensor *made[4] = {starts, ranks, counts, kinds};
    if (failed)
        tk_release_made(4, made);
    if (in)
        tk_release(in);
    for (int i = 0; i < 3; i++)
        more[i] = failed ? NULL : made[i];
    return failed ? NULL : kinds;
}

/* How many are true; -1 with an error. */
static int64_t true_ones(tk_tensor *t)
{
    tk_tensor *found = tk_reduce(TK_K_count_nonzero, t, (1u << t->ndim) - 1, 0, 0);
    const int64_t count = found ? tk_item_int(found) : -1;
    if (found)
        tk_release(found);
    return count;
}

tk_tensor *tk_kinds_of_bools(tk_tensor *t, int wanted, tk_tensor **more)
{
    if (t->dtype != TK_BOOL) {
        tk_fail(TK_DTYPE_ERROR, "unique: expected bools; got %s", tk_dtype_names[t->dtype]);
        return NULL;
    }
    const int64_t holds = true_ones(t), each[2] = {t->numel - holds, holds};
    const int64_t kinds = (each[0] > 0) + (each[1] > 0);
    tk_tensor *ranks = NULL, *counts = NULL, *out = holds < 0 ? NULL : tk_empty(TK_BOOL, 1, &kinds);
    int failed = !out;
    if (!failed && wanted & TK_RUN_RANKS) /* of one kind all are the first */
        failed |= !(ranks = kinds == 2 ? tk_cast(t, TK_I64) : tk_full_int(TK_I64, t->ndim, t->shape, 0));
    if (!failed && wanted & TK_RUN_COUNTS)
        failed |= !(counts = tk_empty(TK_I64, 1, &kinds));
    for (int64_t kind = 0, k = 0; !failed && kind < 2; kind++) {
        if (each[kind] == 0)
            continue;
        out->data[k] = (char)kind;
        if (counts)
            ((int64_t *)counts->data)[k] = each[kind];
        k++;
    }
    tk_tensor *made[3] = {ranks, counts, out};
    if (failed)
        tk_release_made(3, made);
    for (int i = 0; more && i < 3; i++)
        more[i] = failed || i == 0 ? NULL : made[i - 1];
    return failed ? NULL : out;
}

tk_tensor *tk_repeated_places(tk_tensor *counts)
{
    tk_tensor *in = integers("repeat_interleave", counts), *out = NULL;
    if (!in)
        return NULL;
    const int64_t *count = (const int64_t *)in->data, most = (int64_t)1 << 48;
    int64_t total = 0, bad = 0;
    for (int64_t i = 0; i < in->numel && !bad && total <= most; i++) {
        bad = count[i] < 0 ? count[i] : 0;
        total += count[i] > most ? most + 1 : count[i];
    }
    if (bad)
        tk_fail(TK_VALUE_ERROR, "repeat_interleave: the repeats must not be negative; got %lld",
                (long long)bad);
    else if (total > most)
        tk_fail(TK_VALUE_ERROR, "repeat_interleave: more than 2^48 parts are too many");
    else
        out = tk_empty(TK_I64, 1, &total);
    int64_t *to = out ? (int64_t *)out->data : NULL;
    for (int64_t i = 0; out && i < in->numel; i++)
        for (int64_t k = count[i]; k > 0; k--)
            *to++ = i;
    tk_release(in);
    return out;
}

/* n integers from `first` on, each `step` more than the one before; stores that cross no cache line. */
static void count_up(int64_t *to, int64_t first, int64_t step, int64_t n)
{
    typedef int64_t pair __attribute__((vector_size(16)));
    if ((uintptr_t)to % sizeof(pair) != 0 && n > 0) {
        *to++ = first;
        first += step;
        n--;
    }
    /* by name, for an array would stay in memory */
    pair x = {first, first + step}, y = x + 2 * step, z = y + 2 * step, w = z + 2 * step;
    for (; n >= 8; n -= 8, to += 8) {
        memcpy(to, &x, sizeof x);
        memcpy(to + 2, &y, sizeof y);
        memcpy(to + 4, &z, sizeof z);
        memcpy(to + 6, &w, sizeof w);
        x += 8 * step;
        y += 8 * step;
        z += 8 * step;
        w += 8 * step;
    }
    for (first = x[0]; n > 0; n--, first += step)
        *to++ = first;
}

tk_tensor *tk_triangle_places(int64_t rows, int64_t columns, int64_t diagonal, int upper)
{
    const int64_t most = (int64_t)1 << 31;
    if (rows < 0 || columns < 0 || rows >= most || columns >= most) {
        tk_fail(TK_VALUE_ERROR, "%s: row and col must be sizes; got %lld and %lld",
                upper ? "triu_indices" : "tril_indices", (long long)rows, (long long)columns);
        return NULL;
    }
    diagonal = diagonal < -most ? -most : diagonal > most ? most : diagonal;
    int64_t shape[2] = {2, 0}, start;
    for (int64_t i = 0; i < rows; i++)
        shape[1] += tk_triangle_part(i, columns, diagonal, upper, &start);
    tk_tensor *out = tk_empty(TK_I64, 2, shape);
    int64_t *row = out ? (int64_t *)out->data : NULL;
    for (int64_t i = 0, n; out && i < rows; i++, row += n) {
        n = tk_triangle_part(i, columns, diagonal, upper, &start);
        count_up(row, i, 0, n);
        count_up(row + shape[1], start, 1, n);
    }
    return out;
}
