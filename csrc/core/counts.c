/* Counts of integers, and places that follow from counts. They depend on values, or are made of numbers
 * alone, and are written at once, by no launch: what is recorded makes them otherwise or not at all. */
#include <string.h>

#include "core.h"

static tk_tensor *refuse_integers(const char *op, const tk_tensor *t)
{
    tk_fail(TK_DTYPE_ERROR, "%s: expected integers; got %s", op, tk_dtype_names[t->dtype]);
    return NULL;
}

/* The integers side by side as int64, for the caller to release. */
static tk_tensor *integers(const char *op, tk_tensor *t)
{
    if (t->dtype != TK_I64 && t->dtype != TK_I32 && t->dtype != TK_U8)
        return refuse_integers(op, t);
    return t->dtype == TK_I64 ? tk_contiguous(t) : tk_cast(t, TK_I64);
}

/* All bits that n integers have, which compilers find by vectors, unlike their maximum; -1 with an error
 * where one is negative. */
static int64_t bits_of(const int64_t *x, int64_t n)
{
    int64_t bits = 0, low = 0;
    for (int64_t i = 0; i < n; i++)
        bits |= x[i];
    if (bits >= 0)
        return bits;
    for (int64_t i = 0; i < n; i++)
        low = x[i] < low ? x[i] : low;
    tk_fail(TK_VALUE_ERROR, "bincount: the integers must not be negative; got %lld", (long long)low);
    return -1;
}

static int64_t length_of(const int64_t *x, int64_t n, int64_t least)
{
    int64_t high = least - 1;
    for (int64_t i = 0; i < n; i++)
        high = x[i] > high ? x[i] : high;
    return high < INT64_MAX ? high + 1 : INT64_MAX;
}

/* Where one integer often follows itself, counting waits for the count before; several tables do not.
 * So many of so few entries, a power of two, take 32 KiB of stack, and stay in L1. */
enum { TABLES = 4, FEW = 1024 };

static tk_tensor *count_few(const int64_t *x, int64_t n, int64_t bits, int64_t least)
{
    int64_t counts[TABLES][FEW], length = 1, i = 0;
    while (length <= bits)
        length *= 2;
    for (int t = 0; t < TABLES; t++)
        memset(counts[t], 0, (size_t)length * sizeof **counts);
    const int64_t mask = length - 1; /* whatever another thread writes meanwhile */
    for (; i + TABLES <= n; i += TABLES)
        for (int t = 0; t < TABLES; t++)
            counts[t][x[i + t] & mask]++;
    for (; i < n; i++)
        counts[0][x[i] & mask]++;
    for (int t = 1; t < TABLES; t++)
        for (int64_t k = 0; k < length; k++)
            counts[0][k] += counts[t][k];
    while (length > 0 && counts[0][length - 1] == 0)
        length--;
    least = length > least ? length : least;
    tk_tensor *out = tk_full_int(TK_I64, 1, &least, 0);
    if (out)
        memcpy(out->data, counts[0], (size_t)length * sizeof **counts);
    return out;
}

int64_t tk_bins(tk_tensor *t, int64_t least)
{
    tk_tensor *in = integers("bincount", t);
    if (!in)
        return -1;
    const int64_t *x = (const int64_t *)in->data;
    const int64_t length = bits_of(x, in->numel) < 0 ? -1 : length_of(x, in->numel, least);
    tk_release(in);
    return length;
}

tk_tensor *tk_bincount(tk_tensor *t, int64_t least)
{
    tk_tensor *in = integers("bincount", t), *out = NULL;
    if (!in)
        return NULL;
    const int64_t *x = (const int64_t *)in->data, n = in->numel, bits = bits_of(x, n);
    if (bits >= 0 && bits < FEW) {
        out = count_few(x, n, bits, least);
    } else if (bits >= 0) {
        const int64_t length = length_of(x, n, least);
        out = tk_full_int(TK_I64, 1, &length, 0);
        for (int64_t i = 0; out && i < n; i++)
            if ((uint64_t)x[i] < (uint64_t)length) /* still */
                ((int64_t *)out->data)[x[i]]++;
    }
    tk_release(in);
    return out;
}

/* Where elements differ from the one before: how many places, or the first `count` of them from to[0] on,
 * where nothing is compared. NaN differs from everything. */
#define RUNS(Item)                                                                                 \
    static int64_t runs_##Item(const char *data, int64_t n, int64_t *to, int64_t count)            \
    {                                                                                              \
        const Item *x = (const Item *)data;                                                        \
        int64_t found = n > 0;                                                                     \
        for (int64_t i = 1; !to && i < n; i++)                                                     \
            found += x[i] != x[i - 1];                                                             \
        if (to && count)                                                                           \
            to[0] = 0;                                                                             \
        for (int64_t i = 1; to && i < n && found < count; i++) { /* unpredictable: no branch */    \
            to[found] = i;                                                                         \
            found += x[i] != x[i - 1];                                                             \
        }                                                                                          \
        return found;                                                                              \
    }
RUNS(float)
RUNS(double)
RUNS(int64_t)
RUNS(int32_t)
RUNS(uint8_t)
#undef RUNS

tk_tensor *tk_run_starts(tk_tensor *t)
{
    int64_t (*const runs[])(const char *, int64_t, int64_t *, int64_t) = {
        [TK_F32] = runs_float,   [TK_F64] = runs_double, [TK_I64] = runs_int64_t,
        [TK_I32] = runs_int32_t, [TK_U8] = runs_uint8_t, [TK_BOOL] = runs_uint8_t};
    tk_tensor *in = tk_contiguous(t), *out = NULL;
    if (!in)
        return NULL;
    const int64_t count = runs[in->dtype](in->data, in->numel, NULL, 0);
    out = tk_empty(TK_I64, 1, &count);
    if (out && runs[in->dtype](in->data, in->numel, (int64_t *)out->data, count) < count) {
        tk_fail(TK_RUNTIME_ERROR, "unique: the elements changed meanwhile");
        tk_release(out);
        out = NULL;
    }
    tk_release(in);
    return out;
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

tk_tensor *tk_triangle_places(int64_t rows, int64_t columns, int64_t diagonal, int upper)
{
    const int64_t most = (int64_t)1 << 31;
    if (rows < 0 || columns < 0 || rows >= most || columns >= most) {
        tk_fail(TK_VALUE_ERROR, "%s: row and col must be sizes; got %lld and %lld",
                upper ? "triu_indices" : "tril_indices", (long long)rows, (long long)columns);
        return NULL;
    }
    diagonal = diagonal < -most ? -most : diagonal > most ? most : diagonal;
    int64_t shape[2] = {2, 0};
    for (int write = 0;; write = 1) {
        tk_tensor *out = write ? tk_empty(TK_I64, 2, shape) : NULL;
        int64_t *row = out ? (int64_t *)out->data : NULL, n = 0;
        if (write && !out)
            return NULL;
        for (int64_t i = 0; i < rows; i++) {
            int64_t cut = i + diagonal + !upper;
            cut = cut < 0 ? 0 : cut > columns ? columns : cut;
            const int64_t start = upper ? cut : 0, count = upper ? columns - cut : cut;
            for (int64_t k = 0; write && k < count; k++) {
                row[n + k] = i;
                row[shape[1] + n + k] = start + k;
            }
            n += count;
        }
        if (write)
            return out;
        shape[1] = n;
    }
}
